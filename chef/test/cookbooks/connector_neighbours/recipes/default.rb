# frozen_string_literal: true

apt_update

package 'redis-server'

file '/etc/redis/redis.conf' do
  content "bind 127.0.0.1\nappendonly yes\nappendfsync always\nmaxmemory-policy noeviction\nsave \"\"\ndir /var/lib/redis\nsupervised systemd\n"
  notifies :restart, 'service[redis-server]', :immediately
end

service 'redis-server' do
  action [:enable, :start]
end

directory '/etc/ssl/microsoft-connector'

execute 'certificate' do
  command 'openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -keyout privkey.pem -out fullchain.pem'
  cwd '/etc/ssl/microsoft-connector'
  creates '/etc/ssl/microsoft-connector/fullchain.pem'
end
