# frozen_string_literal: true

require_relative '../../libraries/rollout'
require_relative '../fake_machine/machine'

# Runs for real, with docker and systemctl in place of the machine's own.
RSpec.describe MicrosoftConnector::Rollout do
  let(:machine) { FakeMachine.new }
  let(:ports) { Hash.new { |known, name| known[name] = machine.free_port } }
  let(:said) { [] }
  let(:rollout) do
    described_class.new(directory: machine.releases, ready_within_s: 60, settle_s: 0, poll_s: 0.05, docker_config: '/registry', say: ->(sentence) { said << sentence })
  end

  after { machine.remove }

  def release(image, name, **settings)
    MicrosoftConnector::Release.new(image: image, environment: { 'PORT' => ports[name] }.merge(settings.transform_keys(&:to_s)))
  end

  def all(image, names = %w(web-1 web-2), **settings)
    names.to_h { |name| [name, release(image, name, **settings)] }
  end

  def images
    Dir.glob("#{machine.releases}/*.release").reject { |path| path.include?('.former.') }
       .to_h { |path| [File.basename(path, '.release'), File.read(path)[/^IMAGE=(.*)$/, 1]] }
  end

  def unit(name)
    "microsoft-connector@#{name}.service"
  end

  it 'starts what is asked for, and then has nothing to do' do
    wanted = all('good:1')
    expect(rollout.plan(wanted)).to eq ['start web-1 with good:1', 'start web-2 with good:1']
    rollout.run(wanted)
    expect(machine).to be_running('web-1').and be_running('web-2')
    expect(rollout.plan(wanted)).to eq []

    machine.forget_calls
    rollout.run(wanted)
    expect(machine.acts).to eq []
  end

  it 'fetches first, and replaces one instance only when the one before is ready' do
    rollout.run(all('good:1'))
    machine.forget_calls
    said.clear
    rollout.run(all('good:2'))
    expect(images).to eq('web-1' => 'good:2', 'web-2' => 'good:2')
    expect(machine.acts).to eq [
      'docker --config /registry pull --quiet good:2',
      "systemctl stop #{unit('web-1')}", "systemctl enable --now #{unit('web-1')}",
      "systemctl stop #{unit('web-2')}", "systemctl enable --now #{unit('web-2')}"
    ]
    expect(said).to eq ['fetching good:2', 'web-1 stops', 'web-1 starts with good:2', 'web-1 is ready', 'web-2 stops', 'web-2 starts with good:2', 'web-2 is ready']
  end

  it 'lets those who send requests hear of an instance before the next one stops' do
    heard = {}
    told = ->(sentence) { heard[sentence] = Process.clock_gettime(Process::CLOCK_MONOTONIC) }
    patient = described_class.new(directory: machine.releases, settle_s: 0.4, poll_s: 0.05, say: told)
    rollout.run(all('good:1'))
    patient.run(all('good:2'))
    expect(heard['web-2 stops'] - heard['web-1 is ready']).to be >= 0.4
  end

  it 'changes nothing when the image cannot be fetched' do
    rollout.run(all('good:1'))
    machine.forget_calls
    expect { rollout.run(all('gone:2')) }.to raise_error(MicrosoftConnector::RolloutFailed, /Nothing was changed: gone:2 cannot be fetched: .*not found/)
    expect(machine.acts).to eq ['docker --config /registry pull --quiet gone:2']
    expect(images.values.uniq).to eq ['good:1']
  end

  it 'does not wait for ever for a registry that hangs' do
    impatient = described_class.new(directory: machine.releases, fetch_within_s: 1)
    expect { impatient.run(all('stuck:1')) }.to raise_error(MicrosoftConnector::RolloutFailed, /stuck:1 cannot be fetched.*longer than 1 s/)
    expect(images).to eq({})
  end

  it 'goes back when a release ends at once, and says so in one go' do
    rollout.run(all('good:1'))
    machine.forget_calls
    expect { rollout.run(all('broken:2')) }.to raise_error(
      MicrosoftConnector::RolloutFailed,
      /\Aweb-1 ended as soon as it was started with broken:2 \(journalctl -u #{unit('web-1')}\)\. web-1 runs good:1 again\. It is not tried again until/
    )
    expect(images).to eq('web-1' => 'good:1', 'web-2' => 'good:1')
    expect(machine).to be_running('web-1').and be_running('web-2')
    expect(machine.acts.grep(/stop .*web-2/)).to eq []
  end

  context 'when a release never becomes ready' do
    # Time passes only for what never becomes ready, however slow the machine is that this runs on.
    before do
      elapsed = 0
      allow(rollout).to receive(:now) { elapsed }
      allow(rollout).to receive(:sleep) do |seconds|
        Kernel.sleep(seconds)
        waited_for = Dir.glob("#{machine.releases}/*.pending").map { |path| File.read(path.sub(/pending$/, 'release')) }
        elapsed += 30 if waited_for.any? { |release| release.include?('silent') }
      end
    end

    it 'takes back also those that had become ready, and does not try the same again' do
      rollout.run(all('good:1'))
      wanted = { 'web-1' => release('good:2', 'web-1'), 'web-2' => release('silent:2', 'web-2') }
      expect do
        rollout.run(wanted)
      end.to raise_error(MicrosoftConnector::RolloutFailed, /web-2 was not ready within 60 s with silent:2.*web-2 runs good:1 again, web-1 runs good:1 again/)
      expect(images).to eq('web-1' => 'good:1', 'web-2' => 'good:1')

      machine.forget_calls
      expect { rollout.run(wanted) }.to raise_error(MicrosoftConnector::RolloutFailed, /failed before and is not tried again: web-2 was not ready/)
      expect(machine.acts).to eq []

      rollout.run(all('good:3'))
      expect(images.values.uniq).to eq ['good:3']
      expect(File).not_to exist("#{machine.releases}/failed")
    end

    it 'may try again when the former release is not ready either: then it is hardly to blame' do
      rollout.run(all('good:1', %w(web-1)))
      File.write("#{machine.releases}/web-1.release", "IMAGE=silent:1\nREVISION=x\n")
      expect { rollout.run(all('silent:2', %w(web-1))) }.to raise_error(MicrosoftConnector::RolloutFailed, /should run silent:1 again, but: web-1 was not ready/)
      expect(File).not_to exist("#{machine.releases}/failed")
    end

    it 'leaves nothing behind of a first release that failed' do
      expect { rollout.run(all('silent:1')) }.to raise_error(MicrosoftConnector::RolloutFailed, /web-1 was new and is stopped/)
      expect(machine).not_to be_running('web-1')
      expect(images).to eq({})
    end
  end

  it 'sees an interrupted roll-out through, and goes back to what ran before it' do
    rollout.run(all('good:1'))
    allow(rollout).to receive(:start).and_raise(Interrupt)
    expect { rollout.run(all('good:2')) }.to raise_error(Interrupt)
    expect(machine).not_to be_running('web-1')

    again = described_class.new(directory: machine.releases, ready_within_s: 60, settle_s: 0, poll_s: 0.05)
    expect(again.plan(all('good:2')).first).to eq 'see web-1 through, which was left half replaced'
    expect { again.run(all('broken:3')) }.to raise_error(MicrosoftConnector::RolloutFailed, /web-1 runs good:1 again/)
    again.run(all('good:2'))
    expect(images.values.uniq).to eq ['good:2']
  end

  it 'leaves nothing stopped when the way back was cut short' do
    rollout.run(all('good:1'))
    allow(rollout).to receive(:restore).and_raise(Interrupt)
    expect { rollout.run(all('broken:2')) }.to raise_error(Interrupt)

    again = described_class.new(directory: machine.releases, ready_within_s: 60, settle_s: 0, poll_s: 0.05)
    expect { again.run(all('broken:2')) }.to raise_error(MicrosoftConnector::RolloutFailed, /not tried again.*web-1 runs good:1 again\./)
    expect(machine).to be_running('web-1').and be_running('web-2')
  end

  it 'restarts for other settings, and for what is read only at the start' do
    rollout.run(all('good:1'))
    wanted = all('good:1', LOG_LEVEL: 'debug')
    expect(rollout.plan(wanted)).to eq ['start web-1 again, with other settings', 'start web-2 again, with other settings']
    rollout.run(wanted)
    expect(File.read("#{machine.releases}/web-2.env")).to eq "PORT=#{ports['web-2']}\nLOG_LEVEL=debug\n"

    sealed = MicrosoftConnector::Release.new(image: 'good:1', environment: { 'PORT' => ports['web-1'], 'LOG_LEVEL' => 'debug' }, restarts_for: ['another key'])
    expect(rollout.plan(wanted.merge('web-1' => sealed))).to eq ['start web-1 again, with other settings']
  end

  it 'starts what has ended, and leaves the others alone' do
    rollout.run(all('good:1'))
    machine.break_down('web-2')
    machine.forget_calls
    expect(rollout.plan(all('good:1'))).to eq ['start web-2, which does not run']
    rollout.run(all('good:1'))
    expect(machine).to be_running('web-2')
    expect(machine.acts.grep(/web-1/)).to eq []
  end

  it 'ends what is not asked for any more last, but before its port is needed' do
    rollout.run(all('good:1'))
    ports['blue-1'] = ports['web-1']
    machine.forget_calls
    wanted = all('good:1', %w(blue-1 web-3))
    expect(rollout.plan(wanted)).to eq ['start blue-1 with good:1', 'start web-3 with good:1', 'end web-1', 'end web-2']
    rollout.run(wanted)
    expect(machine.acts).to eq [
      "systemctl disable --now #{unit('web-1')}", "systemctl stop #{unit('blue-1')}", "systemctl enable --now #{unit('blue-1')}",
      "systemctl stop #{unit('web-3')}", "systemctl enable --now #{unit('web-3')}", "systemctl disable --now #{unit('web-2')}"
    ]
    expect(images.keys).to contain_exactly('blue-1', 'web-3')
  end

  it 'starts nothing beside a container that still runs' do
    rollout.run(all('good:1', %w(web-1)))
    left = "#{File.dirname(machine.releases)}/containers-left"
    File.write(left, "4f2a\n")
    expect { rollout.run(all('good:2', %w(web-1))) }.to raise_error(MicrosoftConnector::RolloutFailed, /web-1 has not ended/)
    expect(machine).not_to be_running('web-1')
    File.delete(left)
    rollout.run(all('good:2', %w(web-1)))
    expect(images).to eq('web-1' => 'good:2')
  end

  it 'keeps releases for root alone, and no secret in them' do
    rollout.run(all('good:1', %w(web-1)))
    modes = Dir.glob("#{machine.releases}/*").map { |path| format('%o', File.stat(path).mode & 0o777) }
    expect(modes.uniq).to eq ['600']
  end

  it 'refuses a setting that Docker would cut in two' do
    expect { release('good:1', 'web-1', CMW_LANGUAGES: "en\nROLE=all") }.to raise_error(MicrosoftConnector::RolloutFailed, /CMW_LANGUAGES/)
  end
end
