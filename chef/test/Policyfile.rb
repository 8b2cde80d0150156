# frozen_string_literal: true

# The policy of the machines of Kitchen: ours, and beside it what a real machine has from elsewhere.
name 'kitchen'
run_list 'connector_neighbours::default', 'microsoft_connector::default', 'microsoft_connector::nginx'
cookbook 'microsoft_connector', path: '..'
cookbook 'connector_neighbours', path: 'cookbooks/connector_neighbours'

default['microsoft_connector']['image'] = ENV.fetch('MICROSOFT_CONNECTOR_IMAGE', nil)
default['microsoft_connector']['data_bag_item'] = 'kitchen'
default['microsoft_connector']['settings'] = {
  'CMW_BASE_URL' => 'https://marketplace.example.com/api',
  'CMW_READ_ONLY' => 'true',
  'PARTNER_CENTER_CLIENT_ID' => '00000000-0000-0000-0000-000000000000',
  'PARTNER_CENTER_TENANT_ID' => 'partner.example.com',
}
