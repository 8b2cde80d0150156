# frozen_string_literal: true

RSpec.describe 'microsoft_connector::default' do
  subject(:chef_run) { converge(described_recipe, &settings) }

  let(:described_recipe) { 'microsoft_connector::default' }
  let(:settings) { nil }
  let(:item) { { 'id' => 'production', 'secrets' => SECRETS } }
  let(:secrets) { '/etc/microsoft-connector/secrets' }
  let!(:rollout) { stub_rollout }

  before { stub_data_bag_item('microsoft_connector', 'production').and_return(item) }

  it 'installs Docker and keeps it running' do
    expect(chef_run).to install_package('docker.io')
    expect(chef_run).to enable_service('docker')
    expect(chef_run).to start_service('docker')
  end

  it 'places each secret for the user of the image alone, below a folder that is root\'s alone, and never in the log' do
    expect(chef_run).to create_directory('/etc/microsoft-connector').with(owner: 'root', mode: '0700')
    expect(chef_run).to create_directory(secrets).with(owner: 1000, group: 1000, mode: '0500')
    SECRETS.each do |name, value|
      expect(chef_run).to create_file("#{secrets}/#{name.downcase}").with(content: value, owner: 1000, group: 1000, mode: '0400', sensitive: true, backup: false)
    end
  end

  it 'removes secrets that are not given any more' do
    expect(chef_run).to delete_file("#{secrets}/ops_token")
    expect(chef_run).to delete_file("#{secrets}/state_key")
  end

  it 'refuses a secret that the service does not know, without telling its value' do
    item['secrets'] = SECRETS.merge('CMW_AUTH_TOKENS' => 'hidden')
    expect { chef_run }.to raise_error(/No secret of the service is named CMW_AUTH_TOKENS/) { |error| expect(error.message).not_to include 'hidden' }
  end

  it 'reads the unit again as soon as it has changed' do
    unit = chef_run.template('/etc/systemd/system/microsoft-connector@.service')
    expect(unit).to notify('execute[systemctl daemon-reload]').to(:run).immediately
    expect(chef_run.execute('systemctl daemon-reload')).to do_nothing
  end

  it 'rolls out what each instance is to run, with paths instead of secrets' do
    chef_run
    expect(rollout).to have_received(:run) do |wanted|
      expect(wanted.keys).to eq %w(web-1 web-2 worker-1 worker-2)
      expect(wanted['web-2'].environment).to eq <<~ENVIRONMENT
        ROLE=web
        HOST=127.0.0.1
        PORT=8082
        CMW_BASE_URL=https://marketplace.example.com/api
        CMW_AUTH_TOKEN_FILE=/run/secrets/cmw_auth_token
        CMW_EVENT_SECRETS_FILE=/run/secrets/cmw_event_secrets
        PARTNER_CENTER_CLIENT_SECRET_FILE=/run/secrets/partner_center_client_secret
        REDIS_URL_FILE=/run/secrets/redis_url
      ENVIRONMENT
      expect(wanted.values.map(&:image).uniq).to eq ['registry.example.com/connector@sha256:1f']
    end
  end

  it 'restarts for a secret that is read only at the start, and for no other' do
    releases = lambda do |secrets|
      MicrosoftConnector.releases(image: 'a', instances: { 'web-1' => { 'role' => 'web', 'port' => 8081 } }, settings: {}, secrets: secrets,
                                  listen_address: '127.0.0.1', consul_url: nil, unit: '')['web-1'].revision
    end
    expect(releases.call(SECRETS.merge('REDIS_URL' => 'redis://elsewhere'))).not_to eq releases.call(SECRETS)
    expect(releases.call(SECRETS.merge('CMW_AUTH_TOKEN' => 'another'))).to eq releases.call(SECRETS)
  end

  context 'when everything is as wanted' do
    let!(:rollout) { stub_rollout(tasks: []) }

    it 'rolls nothing out' do
      chef_run
      expect(rollout).not_to have_received(:run)
    end
  end

  context 'with a registry that wants a password' do
    let(:item) { { 'id' => 'production', 'secrets' => SECRETS, 'registry' => { 'server' => 'registry.example.com', 'username' => 'reader', 'password' => 'pass' } } }

    it 'keeps it where only root, and only our Docker client, finds it' do
      expect(chef_run).to create_directory('/etc/microsoft-connector/registry').with(mode: '0700')
      expect(chef_run).to create_file('/etc/microsoft-connector/registry/config.json')
        .with(mode: '0400', sensitive: true, content: %({"auths":{"registry.example.com":{"auth":"cmVhZGVyOnBhc3M="}}}\n))
    end
  end

  context 'with instances of one\'s own' do
    let(:settings) do
      lambda do |node|
        node.override['microsoft_connector']['instances'] = { 'worker-2' => false, 'web-3' => { 'role' => 'web', 'port' => 8083 } }
      end
    end

    it 'takes out what is false, and adds what is new' do
      chef_run
      expect(rollout).to have_received(:run) do |wanted|
        expect(wanted.keys).to eq %w(web-1 web-2 worker-1 web-3)
        expect(wanted['web-3'].environment).to include("PORT=8083\n")
      end
    end
  end

  context 'with a Consul agent' do
    let(:settings) { ->(node) { node.override['microsoft_connector']['consul_url'] = 'http://127.0.0.1:8500' } }

    it 'lets the instances announce themselves' do
      chef_run
      expect(rollout).to have_received(:run) { |wanted| expect(wanted['web-1'].environment).to include("CONSUL_URL=http://127.0.0.1:8500\n") }
    end
  end

  {
    'an image that is no reference' => { 'image' => 'connector --privileged' },
    'a secret among the settings' => { 'settings' => { 'OPS_TOKEN' => 'x' } },
    'a port that two instances share' => { 'instances' => { 'web-2' => { 'role' => 'web', 'port' => 8081 } } },
    'a role that does not exist' => { 'instances' => { 'web-2' => { 'role' => 'wbe', 'port' => 8082 } } },
    'a name that would be none for a unit' => { 'instances' => { 'web 9' => { 'role' => 'web', 'port' => 8089 } } },
  }.each do |what, attributes|
    it "refuses #{what} before anything is touched" do
      expect do
        converge(described_recipe) { |node| attributes.each { |name, value| node.override['microsoft_connector'][name] = value } }
      end.to raise_error(ArgumentError)
      expect(rollout).not_to have_received(:run)
    end
  end

  it 'refuses to go on without an image' do
    expect { converge(described_recipe) { |node| node.override['microsoft_connector']['image'] = 7 } }.to raise_error(/image/)
  end
end
