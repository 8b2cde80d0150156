# frozen_string_literal: true

require 'open3'
require 'tmpdir'

# The files that the templates become, read by the programs that will read them.
RSpec.describe 'rendered files' do
  around { |example| Dir.mktmpdir { |folder| Dir.chdir(folder) { example.run } } }

  before do
    stub_rollout
    stub_data_bag_item('microsoft_connector', 'production').and_return('id' => 'production', 'secrets' => SECRETS)
  end

  # Takes the text out of ChefSpec by its own matcher.
  def rendered(recipe, path)
    text = nil
    expect(converge(recipe)).to(render_file(path).with_content { |content| text = content })
    text
  end

  def installed?(program)
    ENV['PATH'].split(':').push('/usr/sbin').any? { |folder| File.executable?(File.join(folder, program)) }
  end

  describe 'the unit' do
    let(:unit) { rendered('microsoft_connector::default', '/etc/systemd/system/microsoft-connector@.service') }

    it 'is one that systemd understands' do
      raise 'systemd-analyze is needed' unless installed?('systemd-analyze')

      # Docker itself need not be here.
      File.write('microsoft-connector@.service', unit.gsub('/usr/bin/docker ', '/bin/true '))
      File.write('docker.service', "[Service]\nExecStart=/bin/true\n")
      output, status = Open3.capture2e('systemd-analyze', 'verify', './microsoft-connector@web-1.service', './docker.service')
      expect([output.lines.grep(/microsoft-connector/), status.success?]).to eq [[], true]
    end

    it 'gives the service longer to end than the service takes, and systemd longer than Docker' do
      main = File.read(File.expand_path('../../../src/main.ts', __dir__))
      own_s = main[/STOP_WITHIN_MS = ([\d_]+)/, 1].delete('_').to_i / 1000
      docker_s = unit[/--stop-timeout (\d+)/, 1].to_i
      expect(own_s).to be > 0
      expect(docker_s).to be > own_s
      expect(unit[/^ExecStop=.* -t (\d+)/, 1].to_i).to eq docker_s
      expect(unit[/^TimeoutStopSec=(\d+)/, 1].to_i).to be > docker_s
    end

    it 'runs the container as the user of the image, without rights, unable to write, within its memory' do
      image = File.read(File.expand_path('../../../Dockerfile', __dir__))
      expect(image).to match(/^USER #{MicrosoftConnector::USER}:#{MicrosoftConnector::USER}$/)
      expect(unit).to include('--user 1000:1000 --read-only --cap-drop ALL --security-opt no-new-privileges:true', '--memory 512m --memory-swap 512m')
        .and include('--volume /etc/microsoft-connector/secrets:/run/secrets:ro', 'NoNewPrivileges=yes')
    end

    it 'starts the container again however it ended, unless its settings cannot be used' do
      expect(unit).to match(/^Restart=always$/)
      expect(unit).to match(/^RestartPreventExitStatus=78$/)
      # Also after Docker itself was away for longer than systemd's patience.
      expect(unit).to match(/^StartLimitIntervalSec=0$/)
      expect(unit).not_to match(/^(Requires|BindsTo)=/)
    end

    it 'holds no secret' do
      SECRETS.each_value { |secret| expect(unit).not_to include(secret) }
    end
  end

  it 'is a configuration that Nginx takes' do
    raise 'nginx is needed' unless installed?('nginx')

    FileUtils.mkdir_p(%w(tls logs))
    _, made = Open3.capture2e('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost',
                              '-keyout', 'tls/privkey.pem', '-out', 'tls/fullchain.pem')
    expect(made).to be_success
    File.write('answers.conf', rendered('microsoft_connector::nginx', '/etc/nginx/microsoft-connector/answers.conf'))
    configuration = rendered('microsoft_connector::nginx', '/etc/nginx/nginx.conf')
    { '/etc/nginx/microsoft-connector' => Dir.pwd, '/etc/ssl/microsoft-connector' => "#{Dir.pwd}/tls", '/var/log/nginx' => "#{Dir.pwd}/logs",
      '/run/nginx.pid' => "#{Dir.pwd}/nginx.pid", 'user www-data;' => '', }.each { |from, to| configuration = configuration.gsub(from, to) }
    # Ports below 1024 are not for everybody.
    configuration = configuration.gsub(/listen (\d+) /) { "listen unix:#{Dir.pwd}/#{Regexp.last_match(1)}.sock " }
    File.write('nginx.conf', configuration)
    output, status = Open3.capture2e({ 'PATH' => "#{ENV.fetch('PATH')}:/usr/sbin" }, 'nginx', '-t', '-q', '-p', Dir.pwd, '-c', "#{Dir.pwd}/nginx.conf")
    expect([output, status.success?]).to eq ['', true]
  end
end
