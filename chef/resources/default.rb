# frozen_string_literal: true

unified_mode true
provides :microsoft_connector

description 'Runs the instances of the Microsoft connector on this machine and replaces them one after the other when something changes.'

property :image, String, required: true
property :instances, Hash, required: true
property :settings, Hash, default: {}
property :secrets, Hash, default: {}, sensitive: true
property :registry, [Hash, nil], sensitive: true,
                                 description: 'server, username and password of the registry, where it wants them'
property :listen_address, String, default: '127.0.0.1'
property :consul_url, [String, nil]
property :memory_mb, Integer, default: 512
property :ready_within_seconds, Integer, default: 60
property :settle_seconds, Integer, default: 10

default_action :run

action :run do
  MicrosoftConnector.check(
    image: new_resource.image, settings: new_resource.settings, secrets: new_resource.secrets, instances: new_resource.instances
  )

  package 'docker.io'

  service 'docker' do
    action [:enable, :start]
  end

  [MicrosoftConnector::CONFIGURATION, MicrosoftConnector::RELEASES_PATH].each do |path|
    directory path do
      owner 'root'
      group 'root'
      mode '0700'
    end
  end

  directory MicrosoftConnector::SECRETS_PATH do
    owner MicrosoftConnector::USER
    group MicrosoftConnector::USER
    mode '0500'
  end

  MicrosoftConnector::SECRETS.each do |name|
    file "#{MicrosoftConnector::SECRETS_PATH}/#{MicrosoftConnector.file_of(name)}" do
      if new_resource.secrets.key?(name)
        content new_resource.secrets[name]
        owner MicrosoftConnector::USER
        group MicrosoftConnector::USER
        mode '0400'
      else
        action :delete
      end
      backup false
      sensitive true
    end
  end

  directory MicrosoftConnector::REGISTRY_PATH do
    owner 'root'
    group 'root'
    mode '0700'
  end

  file "#{MicrosoftConnector::REGISTRY_PATH}/config.json" do
    content registry_configuration
    owner 'root'
    group 'root'
    mode '0400'
    backup false
    sensitive true
  end

  execute 'systemctl daemon-reload' do
    action :nothing
  end

  template MicrosoftConnector::UNIT_PATH do
    source 'microsoft-connector@.service.erb'
    cookbook 'microsoft_connector'
    owner 'root'
    group 'root'
    mode '0644'
    variables(memory_mb: new_resource.memory_mb)
    notifies :run, 'execute[systemctl daemon-reload]', :immediately
  end

  wanted = MicrosoftConnector.releases(
    image: new_resource.image,
    instances: new_resource.instances,
    settings: new_resource.settings,
    secrets: new_resource.secrets,
    listen_address: new_resource.listen_address,
    consul_url: new_resource.consul_url,
    unit: ::File.exist?(MicrosoftConnector::UNIT_PATH) ? ::File.read(MicrosoftConnector::UNIT_PATH) : ''
  )
  rollout = MicrosoftConnector::Rollout.new(
    directory: MicrosoftConnector::RELEASES_PATH,
    address: new_resource.listen_address,
    ready_within_s: new_resource.ready_within_seconds,
    settle_s: new_resource.settle_seconds,
    docker_config: MicrosoftConnector::REGISTRY_PATH,
    say: ->(sentence) { Chef::Log.info("microsoft_connector: #{sentence}") }
  )
  tasks = rollout.plan(wanted)
  unless tasks.empty?
    converge_by tasks do
      rollout.run(wanted)
    end
  end
end

action_class do
  def registry_configuration
    registry = new_resource.registry
    return "{}\n" if registry.nil?

    credentials = ["#{registry['username']}:#{registry['password']}"].pack('m0')
    "#{JSON.generate('auths' => { registry['server'] => { 'auth' => credentials } })}\n"
  end
end
