# frozen_string_literal: true

# What runs on this machine. Ports are those of the machine: the containers use its network, so that Redis and the Consul agent are on loopback for
# them too. They are replaced in this order when something changes; false takes one of these out.
default['microsoft_connector']['instances'] = {
  'web-1' => { 'role' => 'web', 'port' => 8081 },
  'web-2' => { 'role' => 'web', 'port' => 8082 },
  'worker-1' => { 'role' => 'worker', 'port' => 8091 },
  'worker-2' => { 'role' => 'worker', 'port' => 8092 },
}

# Where the instances listen: the address of the machine when Consul, Prometheus or an Nginx on other machines are to reach them.
default['microsoft_connector']['listen_address'] = '127.0.0.1'

# With its digest (host/path@sha256:...): a tag that was moved meanwhile is not noticed. The policy sets it.
default['microsoft_connector']['image'] = nil

# Settings of the service by their names (README of the service), apart from secrets and from what follows from the instance.
default['microsoft_connector']['settings'] = {}

# The encrypted data bag item with the secrets; without a name, that of the policy group.
default['microsoft_connector']['data_bag'] = 'microsoft_connector'
default['microsoft_connector']['data_bag_item'] = nil

# Address of the Consul agent of this machine. With it the instances announce themselves.
default['microsoft_connector']['consul_url'] = nil

# Of one instance; what exceeds it is ended by the kernel and started again by systemd.
default['microsoft_connector']['memory_mb'] = 512

# How long a started instance may take before it counts as failed, and the former release comes back.
default['microsoft_connector']['ready_within_seconds'] = 60

# How long Consul and Nginx may take to hear of an instance that is ready. The next one stops only after that.
default['microsoft_connector']['settle_seconds'] = 10

# For the recipe nginx. The certificate and its key are somebody else's to put there and to renew.
default['microsoft_connector']['nginx']['certificate'] = '/etc/ssl/microsoft-connector/fullchain.pem'
default['microsoft_connector']['nginx']['certificate_key'] = '/etc/ssl/microsoft-connector/privkey.pem'
default['microsoft_connector']['nginx']['port'] = 443
default['microsoft_connector']['nginx']['operations_port'] = 8444
default['microsoft_connector']['nginx']['operations_networks'] = %w(127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 ::1 fc00::/7)
