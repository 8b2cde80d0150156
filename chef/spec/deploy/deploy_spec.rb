# frozen_string_literal: true

require 'fileutils'
require 'open3'
require 'tmpdir'

# Runs for real, with chef, knife and ssh that write down how they were called.
RSpec.describe 'deploy' do
  around { |example| Dir.mktmpdir { |folder| @folder = folder; example.run } } # rubocop:disable Style/Semicolon

  def program(name, text)
    path = File.join(@folder, name)
    File.write(path, "#!/bin/sh\necho \"#{name} $*\" >> '#{@folder}/calls'\n#{text}\n")
    FileUtils.chmod(0o755, path)
  end

  def deploy(ssh: '', machines: %w(a.example.com b.example.com))
    program('chef', "cat \"$(dirname \"$5\")/client.pem\" >> '#{@folder}/key' 2>/dev/null; stat -c %a \"$5\" >> '#{@folder}/modes'; true")
    program('knife', "printf '#{machines.map { |machine| "#{machine}\\n" }.join}'")
    program('ssh', ssh)
    environment = {
      'PATH' => "#{@folder}:#{ENV.fetch('PATH')}", 'TMPDIR' => @folder,
      'CHEF_SERVER_URL' => 'https://chef.example.com/organizations/a', 'CHEF_CLIENT_NAME' => 'ci',
      'CHEF_CLIENT_KEY' => ['key-of-chef'].pack('m0'), 'DEPLOY_SSH_KEY' => ['key-of-ssh'].pack('m0'),
      'DEPLOY_USER' => 'deploy', 'DEPLOY_KNOWN_HOSTS' => 'a ssh-ed25519 AAAA',
    }
    Open3.capture2e(environment, File.expand_path('../../deploy', __dir__), 'staging')
  end

  def calls
    File.readlines(File.join(@folder, 'calls'), chomp: true).map { |call| call[/\A\w+ (?:push \w+|search node|.*?(\S+@\S+ .*))/, 1] || call.split.first(3).join(' ') }
  end

  it 'pushes the policy, then has one machine after the other take it over' do
    _, status = deploy
    expect(status).to be_success
    expect(calls).to eq ['chef push staging', 'knife search node', 'deploy@a.example.com sudo chef-client', 'deploy@b.example.com sudo chef-client']
  end

  it 'leaves the machines after the first failure alone, and says so' do
    output, status = deploy(ssh: 'exit 1')
    expect(status).not_to be_success
    expect(output).to include 'a.example.com did not take the release over'
    expect(calls.last).to eq 'deploy@a.example.com sudo chef-client'
  end

  it 'does not take a group without machines for a success' do
    output, status = deploy(machines: [])
    expect([status.success?, output]).to match [false, /no machine belongs to the policy group staging/]
  end

  it 'shows no key, passes none as an argument, and leaves none behind' do
    output, = deploy
    expect(File.read(File.join(@folder, 'key'))).to eq 'key-of-chef'
    expect(File.read(File.join(@folder, 'modes'))).to eq "600\n"
    expect(output + File.read(File.join(@folder, 'calls'))).not_to match(/key-of|a2V5LW9m/)
    expect(Dir.children(@folder)).to contain_exactly('chef', 'knife', 'ssh', 'calls', 'key', 'modes')
  end
end
