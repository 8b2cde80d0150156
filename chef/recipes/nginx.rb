# frozen_string_literal: true

connector = node['microsoft_connector']

package 'nginx'

directory '/etc/nginx/microsoft-connector' do
  owner 'root'
  group 'root'
  mode '0755'
end

cookbook_file '/etc/nginx/microsoft-connector/answers.conf' do
  source 'answers.conf'
  owner 'root'
  group 'root'
  mode '0644'
  notifies :reload, 'service[nginx]', :delayed
end

# Nothing that Nginx would refuse is ever put in its place.
template '/etc/nginx/nginx.conf' do
  source 'nginx.conf.erb'
  owner 'root'
  group 'root'
  mode '0644'
  variables(
    servers: connector['instances'].to_h.select { |_name, instance| instance && instance['role'] != 'worker' }
                                   .map { |_name, instance| "#{connector['listen_address']}:#{instance['port']}" },
    nginx: connector['nginx'].to_h
  )
  verify 'nginx -t -q -c %{path}'
  notifies :reload, 'service[nginx]', :delayed
end

service 'nginx' do
  action [:enable, :start]
end
