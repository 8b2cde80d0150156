# frozen_string_literal: true

instances = { 'web-1' => 8081, 'web-2' => 8082, 'worker-1' => 8091, 'worker-2' => 8092 }

control 'instances' do
  impact 1.0
  title 'Every instance runs under systemd and is ready'

  instances.each do |name, port|
    describe systemd_service("microsoft-connector@#{name}") do
      it { should be_enabled }
      it { should be_running }
    end
    describe http("http://127.0.0.1:#{port}/health/ready") do
      its('status') { should cmp 200 }
    end
    describe port(port) do
      its('addresses') { should eq ['127.0.0.1'] }
    end
  end
end

control 'secrets' do
  impact 1.0
  title 'Secrets are files that only the user of the container can read, and stand nowhere else'

  describe directory('/etc/microsoft-connector') do
    its('mode') { should cmp '0700' }
    its('owner') { should eq 'root' }
  end
  %w(cmw_auth_token cmw_event_secrets ops_token partner_center_client_secret redis_url).each do |name|
    describe file("/etc/microsoft-connector/secrets/#{name}") do
      its('mode') { should cmp '0400' }
      its('uid') { should eq 1000 }
    end
  end
  describe file('/etc/microsoft-connector/secrets/state_key') do
    it { should_not exist }
  end
  describe command('grep -rl for-kitchen-only /etc/systemd /etc/microsoft-connector/releases /var/log/chef* /proc/[0-9]*/environ') do
    its('stdout') { should eq '' }
  end
end

control 'containers' do
  impact 0.7
  title 'A container can write nothing, gain no rights, and takes no more memory than it was given'

  instances.each_key do |name|
    describe json(command: "docker inspect microsoft-connector-#{name}") do
      its([0, 'HostConfig', 'ReadonlyRootfs']) { should eq true }
      its([0, 'HostConfig', 'CapDrop']) { should eq ['ALL'] }
      its([0, 'HostConfig', 'SecurityOpt']) { should include 'no-new-privileges:true' }
      its([0, 'HostConfig', 'Memory']) { should eq 512 * 1024 * 1024 }
      its([0, 'Config', 'User']) { should eq '1000:1000' }
    end
  end
end

control 'edge' do
  impact 1.0
  title 'Nginx takes what the marketplace calls, and nothing else from outside'

  describe http('https://127.0.0.1/event', method: 'POST', data: '{}', headers: { 'Content-Type' => 'application/json' }, ssl_verify: false) do
    its('status') { should cmp 401 }
  end
  %w(/metrics /ops).each do |path|
    describe http("https://127.0.0.1#{path}", ssl_verify: false) do
      its('status') { should cmp 404 }
    end
  end
  describe command('nginx -t') do
    its('exit_status') { should eq 0 }
  end
end
