# frozen_string_literal: true

# What machines of the connector run. Depends on no other cookbook.
name 'microsoft_connector'
run_list 'microsoft_connector::default', 'microsoft_connector::nginx'
cookbook 'microsoft_connector', path: '.'

# The image is part of the policy: whoever promotes a revision from staging to production promotes what was tried.
default['microsoft_connector']['image'] = ENV.fetch('MICROSOFT_CONNECTOR_IMAGE', nil)

# Settings of one environment only stand under the name of its policy group, for instance:
# default['staging']['microsoft_connector']['settings'] = { 'CMW_BASE_URL' => 'https://staging.example.com/api' }
