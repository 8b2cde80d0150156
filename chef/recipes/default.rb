# frozen_string_literal: true

connector = node['microsoft_connector']
item = data_bag_item(connector['data_bag'], connector['data_bag_item'] || node.policy_group)

microsoft_connector 'default' do
  image connector['image']
  instances(connector['instances'].to_h.select { |_name, instance| instance })
  settings connector['settings'].to_h
  secrets item['secrets']
  registry item['registry']
  listen_address connector['listen_address']
  consul_url connector['consul_url']
  memory_mb connector['memory_mb']
  ready_within_seconds connector['ready_within_seconds']
  settle_seconds connector['settle_seconds']
end
