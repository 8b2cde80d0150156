# frozen_string_literal: true

require 'digest'
require 'fileutils'
require 'net/http'
require 'open3'

# Knows nothing of Chef, so that it can be run, and is tested, without it.
module MicrosoftConnector
  # A roll-out that did not come about. The message is one sentence for the operator, or two.
  class RolloutFailed < StandardError; end

  # What one instance runs: image, environment, and whatever else a restart is needed for when it changes.
  class Release
    attr_reader :image, :environment, :revision

    # @param environment [Hash{String => String}] variables of the container; a value is one line, for Docker knows no other
    # @param restarts_for [Array<String>] texts that are read only at the start: the unit, secrets. They are kept as a digest
    def initialize(image:, environment:, restarts_for: [])
      @image = image
      @environment = environment.map { |name, value| line(name, value) }.join
      @revision = Digest::SHA256.hexdigest([image, @environment, *restarts_for].join("\0"))
    end

    # For the EnvironmentFile of the unit.
    def unit_environment
      "IMAGE=#{image}\nREVISION=#{revision}\n"
    end

    private

    def line(name, value)
      raise RolloutFailed, "The setting #{name} has several lines, which Docker cannot pass on." if value.to_s.match?(/[\r\n]/)

      "#{name}=#{value}\n"
    end
  end

  # Brings the instances of one machine to their releases, one after the other, and back when one does not become ready.
  #
  # In its directory stands for each instance: NAME.release (image and revision) and NAME.env, which the unit reads; the same as NAME.former.*, what it
  # ran before; NAME.pending, from its stop until it is ready, so that an interrupted roll-out is seen through by the next.
  class Rollout
    UNIT = 'microsoft-connector@%s.service'
    CONTAINER = 'microsoft-connector-%s'

    # @param directory [String] where releases are kept; exists, and is root's alone
    # @param address [String] where the instances listen
    # @param settle_s [Numeric] how long whoever sends requests may take to hear of an instance that is ready; the next stops after that
    # @param docker_config [String, nil] directory with the credentials of the registry
    # @param say [Proc] hears of each act in a sentence
    def initialize(directory:, address: '127.0.0.1', ready_within_s: 60, settle_s: 10, fetch_within_s: 900, poll_s: 1, docker_config: nil, say: ->(_sentence) {})
      @directory = directory
      @address = address == '0.0.0.0' ? '127.0.0.1' : address
      @ready_within_s = ready_within_s
      @settle_s = settle_s
      @fetch_within_s = fetch_within_s
      @poll_s = poll_s
      @docker = docker_config ? ['docker', '--config', docker_config] : ['docker']
      @say = say
    end

    # What is to be done, in sentences; empty when everything is as wanted.
    # @param wanted [Hash{String => Release}] by the name of the instance, in the order of replacement
    def plan(wanted)
      wanted.filter_map { |name, release| task(name, release) } + leftovers(wanted).map { |name| "end #{name}" }
    end

    # Does it. What is as wanted is left alone; what is not asked for any more ends last, unless its port is needed.
    # @raise [RolloutFailed] when nothing was changed, or when what ran before runs again; the message says which
    def run(wanted)
      due = wanted.select { |name, release| task(name, release) }
      refuse_what_failed(due)
      fetch_all(due.values.map(&:image).uniq)
      replaced = []
      due.each do |name, release|
        replaced.unshift(name)
        leftovers(wanted).select { |other| port(env(other)) == port(release.environment) }.each { |other| retire(other) }
        begin
          replace(name, release)
        rescue RolloutFailed => e
          go_back(replaced, release, e.message)
        end
      end
      leftovers(wanted).each { |name| retire(name) }
      FileUtils.rm_f(failed_path)
    end

    private

    def task(name, release)
      return "start #{name} with #{release.image}" unless exist?(name, 'release')
      return "see #{name} through, which was left half replaced" if exist?(name, 'pending')
      return "replace #{image(name)} by #{release.image} in #{name}" if image(name) != release.image
      return "start #{name} again, with other settings" if current(name) != [release.unit_environment, release.environment]

      "start #{name}, which does not run" unless state(name, 'is-active') =~ /\A(active|activating|reloading)\z/ && state(name, 'is-enabled') == 'enabled'
    end

    def leftovers(wanted)
      Dir.glob(File.join(@directory, '*.release')).map { |path| File.basename(path, '.release') }
         .reject { |name| name.end_with?('.former') || wanted.key?(name) }.sort
    end

    # Stop, wait until it has ended, start with the other release, wait until it is ready and Nginx has heard of it.
    def replace(name, release)
      remember_former(name) unless exist?(name, 'pending')
      write(name, 'pending', '')
      stop(name)
      write(name, 'env', release.environment)
      write(name, 'release', release.unit_environment)
      start(name)
      wait_until_ready(name)
      remove(name, 'pending')
    end

    def go_back(names, release, problem)
      @say.call("#{problem} Going back.")
      File.write(failed_path, "#{release.revision}\n#{problem}\n")
      outcomes = names.map { |name| restore(name) }
      # When the former release is not ready either, the release is hardly to blame: it may be tried again.
      FileUtils.rm_f(failed_path) unless outcomes.all?(&:first)
      again = outcomes.all?(&:first) ? "It is not tried again until something else is asked for, or #{failed_path} is removed." : ''
      raise RolloutFailed, "#{problem} #{outcomes.map(&:last).join(', ')}. #{again}".strip
    end

    # @return [Array(Boolean, String)] whether it is as before, and in words
    def restore(name)
      unless exist?(name, 'former.release')
        retire(name)
        return [true, "#{name} was new and is stopped"]
      end
      former = { 'env' => read(name, 'former.env'), 'release' => read(name, 'former.release') }
      fetch(former['release'][/^IMAGE=(.*)$/, 1])
      stop(name)
      former.each { |kind, content| write(name, kind, content) }
      start(name)
      wait_until_ready(name)
      remove(name, 'pending')
      [true, "#{name} runs #{image(name)} again"]
    rescue RolloutFailed => e
      [false, "#{name} should run #{image(name)} again, but: #{e.message.chomp('.')}"]
    end

    def retire(name)
      @say.call("#{name} ends")
      command('systemctl', 'disable', '--now', format(UNIT, name))
      %w(release env pending former.release former.env).each { |kind| remove(name, kind) }
    end

    def refuse_what_failed(due)
      return unless File.exist?(failed_path)

      revision, problem = File.read(failed_path).split("\n")
      return unless due.values.any? { |release| release.revision == revision }

      # Somebody may have cut the way back short: nothing stays stopped for that.
      outcomes = due.keys.select { |name| exist?(name, 'pending') }.map { |name| restore(name).last }
      raise RolloutFailed, ["This release failed before and is not tried again: #{problem}", *outcomes.map { |outcome| "#{outcome}." },
                            "Ask for something else, or remove #{failed_path}."].join(' ')
    end

    # Before anything stops: a registry that is out must not cost an instance.
    def fetch_all(images)
      images.each { |image| fetch(image) }
    rescue RolloutFailed => e
      raise RolloutFailed, "Nothing was changed: #{e.message}"
    end

    def fetch(image)
      return if run_command('docker', 'image', 'inspect', '--format', '{{.Id}}', image).last.success?

      @say.call("fetching #{image}")
      output, status = run_command('timeout', @fetch_within_s.to_s, *@docker, 'pull', '--quiet', image)
      return if status.success?

      reason = status.exitstatus == 124 ? "the registry takes longer than #{@fetch_within_s} s" : last_line(output)
      raise RolloutFailed, "#{image} cannot be fetched: #{reason}"
    end

    # The service itself says at once that it is not ready, ends its requests and gives its jobs back; the unit waits for that.
    def stop(name)
      @say.call("#{name} stops") if exist?(name, 'release')
      command('systemctl', 'stop', format(UNIT, name))
      left, = run_command('docker', 'ps', '--quiet', '--filter', "name=^#{format(CONTAINER, name)}$")
      raise RolloutFailed, "#{name} has not ended: its container still runs." unless left.strip.empty?
    end

    def start(name)
      @say.call("#{name} starts with #{image(name)}")
      command('systemctl', 'reset-failed', format(UNIT, name)) if state(name, 'is-failed') == 'failed'
      command('systemctl', 'enable', '--now', format(UNIT, name))
    end

    def wait_until_ready(name)
      limit = now + @ready_within_s
      until ready?(name)
        ended = state(name, 'is-active') == 'failed'
        if ended || now > limit
          what = ended ? 'ended as soon as it was started' : "was not ready within #{@ready_within_s} s"
          raise RolloutFailed, "#{name} #{what} with #{image(name)} (journalctl -u #{format(UNIT, name)})."
        end
        sleep @poll_s
      end
      @say.call("#{name} is ready")
      sleep @settle_s
    end

    def ready?(name)
      http = Net::HTTP.new(@address, port(env(name)))
      http.open_timeout = http.read_timeout = 3
      http.get('/health/ready').is_a?(Net::HTTPOK)
    rescue SystemCallError, IOError, Timeout::Error, Net::ProtocolError
      false
    end

    def remember_former(name)
      return unless exist?(name, 'release')

      write(name, 'former.env', read(name, 'env'))
      write(name, 'former.release', read(name, 'release'))
    end

    def state(name, question)
      run_command('systemctl', question, format(UNIT, name)).first.strip
    end

    def command(*words)
      output, status = run_command(*words)
      raise RolloutFailed, "`#{words.join(' ')}` failed: #{last_line(output)}" unless status.success?
    end

    def run_command(*words)
      Open3.capture2e(*words)
    rescue Errno::ENOENT
      raise RolloutFailed, "There is no #{words.first} on this machine."
    end

    def last_line(output)
      output.strip.lines.last.to_s.strip
    end

    def image(name)
      read(name, 'release')[/^IMAGE=(.*)$/, 1]
    end

    def env(name)
      read(name, 'env')
    end

    def port(environment)
      environment[/^PORT=(\d+)$/, 1].to_i
    end

    def current(name)
      [read(name, 'release'), env(name)]
    end

    def failed_path
      File.join(@directory, 'failed')
    end

    def path(name, kind)
      File.join(@directory, "#{name}.#{kind}")
    end

    def exist?(name, kind)
      File.exist?(path(name, kind))
    end

    def read(name, kind)
      exist?(name, kind) ? File.read(path(name, kind)) : ''
    end

    def remove(name, kind)
      FileUtils.rm_f(path(name, kind))
    end

    # Never half written, whenever the machine goes down.
    def write(name, kind, content)
      File.open("#{path(name, kind)}.new", 'w', 0o600) do |file|
        file.write(content)
        file.fsync
      end
      File.rename("#{path(name, kind)}.new", path(name, kind))
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
