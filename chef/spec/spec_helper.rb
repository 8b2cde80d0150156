# frozen_string_literal: true

begin
  require 'chefspec'
  require 'chefspec/policyfile'
rescue LoadError
  # Without Chef Workstation the same specs run on a stand-in; README.md says what that leaves open.
  require_relative '../test/stand_in/chefspec'
end
require_relative '../libraries/rollout'
require_relative '../libraries/service'

SECRETS = {
  'CMW_AUTH_TOKEN' => 'token-of-the-marketplace', 'CMW_EVENT_SECRETS' => 'secret-of-events', 'PARTNER_CENTER_CLIENT_SECRET' => 'secret-of-the-app',
  'REDIS_URL' => 'redis://:password@127.0.0.1:6379',
}.freeze

# Writes nothing and starts nothing: what the roll-out does is tried in libraries/rollout_spec.rb.
def stub_rollout(tasks: ['start web-1'])
  instance_double(MicrosoftConnector::Rollout, plan: tasks, run: nil).tap { |rollout| allow(MicrosoftConnector::Rollout).to receive(:new).and_return(rollout) }
end

def converge(*recipes, step_into: %w(microsoft_connector), &block)
  runner = ChefSpec::SoloRunner.new(platform: 'debian', version: '12', step_into: step_into) do |node|
    node.override['microsoft_connector']['image'] = 'registry.example.com/connector@sha256:1f'
    node.override['microsoft_connector']['data_bag_item'] = 'production'
    node.override['microsoft_connector']['settings'] = { 'CMW_BASE_URL' => 'https://marketplace.example.com/api' }
    block&.call(node)
  end
  runner.converge(*recipes)
end
