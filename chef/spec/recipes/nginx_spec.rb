# frozen_string_literal: true

RSpec.describe 'microsoft_connector::nginx' do
  subject(:chef_run) { converge('microsoft_connector::nginx') }

  it 'installs Nginx and keeps it running' do
    expect(chef_run).to install_package('nginx')
    expect(chef_run).to enable_service('nginx')
    expect(chef_run).to start_service('nginx')
  end

  it 'puts no configuration in place that Nginx refuses, and reloads instead of restarting' do
    configuration = chef_run.template('/etc/nginx/nginx.conf')
    expect(configuration).to notify('service[nginx]').to(:reload).delayed
    expect(configuration.verify.inspect).to include 'nginx -t -q -c %{path}'
  end

  it 'sends events to the instances that take them, and to no other' do
    expect(chef_run).to render_file('/etc/nginx/nginx.conf')
      .with_content(/server 127\.0\.0\.1:8081 max_fails=0;\n\s+server 127\.0\.0\.1:8082 max_fails=0;\n(?!\s+server)/)
  end
end
