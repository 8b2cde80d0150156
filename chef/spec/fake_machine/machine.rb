# frozen_string_literal: true

require 'fileutils'
require 'socket'
require 'tmpdir'

# A machine in a folder: `docker` and `systemctl` on the PATH that do what the roll-out relies on, and services that are real processes with a real
# HTTP endpoint. What an image does is in its name: good, silent (never ready), broken (ends at once), gone (in no registry).
class FakeMachine
  attr_reader :releases

  def initialize
    @root = Dir.mktmpdir('machine')
    @releases = File.join(@root, 'releases')
    FileUtils.mkdir_p([@releases, File.join(@root, 'units')])
    @path = ENV.fetch('PATH', nil)
    ENV['PATH'] = "#{__dir__}:#{@path}"
    ENV['FAKE_MACHINE'] = @root
  end

  def remove
    Dir.glob(File.join(@root, 'units', '*.pid')).each { |path| stop(File.read(path).to_i) }
    ENV['PATH'] = @path
    ENV.delete('FAKE_MACHINE')
    FileUtils.rm_rf(@root)
  end

  # Calls of docker and systemctl that change something, in order.
  def acts
    calls.grep_v(/is-active|is-failed|is-enabled|docker ps|image inspect/)
  end

  def calls
    File.exist?(log) ? File.readlines(log, chomp: true) : []
  end

  def forget_calls
    FileUtils.rm_f(log)
  end

  def running?(name)
    pid = File.join(@root, 'units', "#{name}.pid")
    File.exist?(pid) && alive?(File.read(pid).to_i)
  end

  # As after a crash that systemd does not mend.
  def break_down(name)
    stop(File.read(File.join(@root, 'units', "#{name}.pid")).to_i)
    sleep 0.02 while running?(name)
  end

  def free_port
    server = TCPServer.new('127.0.0.1', 0)
    server.addr[1].tap { server.close }
  end

  private

  def log
    File.join(@root, 'calls')
  end

  def stop(pid)
    Process.kill('KILL', pid)
  rescue Errno::ESRCH
    nil
  end

  def alive?(pid)
    Process.kill(0, pid)
    true
  rescue Errno::ESRCH
    false
  end
end
