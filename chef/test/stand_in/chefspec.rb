# frozen_string_literal: true

require 'erb'
require 'json'

# Stands in for ChefSpec where Chef Workstation is not installed: it evaluates attributes, recipes, the custom resource and templates of this cookbook,
# records the resources that they declare, and answers those questions of ChefSpec that our specs ask. What Chef's own providers would then do with
# the resources it does not know; that is for ChefSpec's real one and for Kitchen. A property that it does not know is refused, so that no slip passes.
module ChefSpec
  COMMON = %i(action sensitive only_if not_if notifies subscribes).freeze
  # Of Chef's resources, those that we use, with those properties that we use.
  PROPERTIES = {
    apt_update: [], package: [],
    service: %i(service_name),
    directory: %i(owner group mode),
    file: %i(content owner group mode backup),
    cookbook_file: %i(source owner group mode),
    template: %i(source cookbook owner group mode variables verify),
    execute: %i(command cwd creates),
  }.freeze
  DEFAULT_ACTION = { package: :install, service: :nothing, execute: :run, apt_update: :periodic }.freeze
  COOKBOOK = File.expand_path('../..', __dir__)

  # Attributes by precedence; reading merges.
  class Node
    attr_accessor :policy_group

    def initialize
      @levels = { default: nested, override: nested }
    end

    def default
      @levels[:default]
    end

    def override
      @levels[:override]
    end

    def [](name)
      merge(default[name], override[name])
    end

    private

    def nested
      Hash.new { |hash, key| hash[key] = nested }
    end

    def merge(low, high)
      # What nil says depends on the version of Chef; here it says nothing.
      return low if high.nil? || (high.is_a?(Hash) && high.empty?)
      return high unless low.is_a?(Hash) && high.is_a?(Hash)

      low.merge(high) { |_key, one, other| merge(one, other) }
    end
  end

  # A declared resource and what was said of it.
  class Resource
    attr_reader :type, :name, :notifications

    def initialize(type, name, run)
      @type = type
      @name = name
      @run = run
      @given = {}
      @notifications = []
    end

    def given(property)
      @given[property]
    end

    def actions
      Array(@given.fetch(:action) { DEFAULT_ACTION.fetch(type, :create) })
    end

    def notifies(action, resource, timing = :delayed)
      @notifications << [action, resource, timing]
    end

    def respond_to_missing?(name, _all = false)
      known.include?(name) || @run.respond_to?(name)
    end

    def method_missing(property, *values)
      return @run.public_send(property, *values) unless known.include?(property)

      values.empty? ? @given[property] : @given[property] = values.first
    end

    private

    def known
      COMMON + PROPERTIES.fetch(type)
    end
  end

  # The properties of a custom resource, checked as Chef checks them.
  class CustomResource
    class << self
      attr_reader :properties, :actions, :helpers, :provided

      def load(path)
        Class.new(self).tap do |resource|
          resource.instance_exec do
            @properties = {}
            @actions = {}
            @helpers = Module.new
          end
          resource.class_eval(File.read(path), path)
        end
      end

      def unified_mode(_is_on); end

      def description(_text); end

      def default_action(name)
        @default_action = name
      end

      def provides(name)
        @provided = name
      end

      def property(name, types, required: false, default: nil, sensitive: false, description: nil) # rubocop:disable Lint/UnusedMethodArgument
        @properties[name] = { types: Array(types), required: required, default: default }
        define_method(name) do |*values|
          return @given.fetch(name, default) if values.empty?

          fits = Array(types).any? { |type| type.nil? ? values.first.nil? : values.first.is_a?(type) }
          raise ArgumentError, "#{name} must be #{types.inspect}" unless fits

          @given[name] = values.first
        end
      end

      def action(name, &block)
        @actions[name] = block
      end

      def action_class(&block)
        @helpers.module_eval(&block)
      end
    end

    attr_reader :name

    def initialize(name)
      @name = name
      @given = {}
    end

    def given(property)
      public_send(property)
    end

    def complete
      missing = self.class.properties.select { |property, rule| rule[:required] && !@given.key?(property) }.keys
      raise ArgumentError, "#{missing.join(', ')} is required" unless missing.empty?
    end
  end

  # One run: what recipes and the action of the custom resource see as self.
  class Run
    attr_reader :node, :resources, :new_resource

    def initialize(node, data_bags, step_into, custom)
      @node = node
      @data_bags = data_bags
      @step_into = step_into
      @custom = custom
      @resources = []
    end

    PROPERTIES.each_key do |type|
      define_method(type) { |name = '', &block| declare(Resource.new(type, name, self), &block) }
    end

    def microsoft_connector(name, &block)
      resource = declare(@custom.new(name), &block)
      resource.complete
      return unless @step_into.include?(@custom.provided.to_s)

      @new_resource = resource
      extend(@custom.helpers)
      instance_exec(&@custom.actions.fetch(:run))
    end

    def data_bag_item(bag, item)
      @data_bags.fetch([bag, item])
    end

    def converge_by(_descriptions)
      yield
    end

    def method_missing(name, ...)
      raise NoMethodError, "the stand-in for ChefSpec knows nothing of #{name}"
    end

    def respond_to_missing?(_name, _all = false)
      false
    end

    private

    def declare(resource, &block)
      @resources << resource
      resource.instance_exec(&block) if block
      resource
    end
  end

  # As ChefSpec::SoloRunner, to the extent that our specs use it.
  class SoloRunner
    class << self
      attr_accessor :data_bags
    end
    self.data_bags = {}

    attr_reader :node

    def initialize(step_into: [], **_platform)
      @step_into = Array(step_into)
      @node = Node.new
      yield @node if block_given?
    end

    def converge(*recipes)
      node.instance_eval(File.read("#{COOKBOOK}/attributes/default.rb"))
      @run = Run.new(node, self.class.data_bags, @step_into, CustomResource.load("#{COOKBOOK}/resources/default.rb"))
      recipes.each { |recipe| load_file("recipes/#{recipe.split('::').last}.rb") { |text, path| @run.instance_eval(text, path) } }
      self
    end

    def find(type, name)
      @run.resources.select { |one| type_of(one) == type && one.name == name }.last
    end

    def render(resource)
      return resource.given(:content) if type_of(resource) == :file
      return load_file("files/#{resource.given(:source)}") { |text, _| text } if type_of(resource) == :cookbook_file

      load_file("templates/#{resource.given(:source)}") do |text, path|
        view = Object.new
        view.instance_variable_set(:@node, node)
        (resource.given(:variables) || {}).each { |name, value| view.instance_variable_set("@#{name}", value) }
        ERB.new(text, trim_mode: '-').tap { |erb| erb.filename = path }.result(view.instance_eval { binding })
      end
    end

    private

    def load_file(path)
      yield File.read("#{COOKBOOK}/#{path}"), path
    end

    def type_of(resource)
      resource.is_a?(CustomResource) ? resource.class.provided : resource.type
    end
  end

  # `create_file(path)`, `install_package(name)` and so on.
  module Matchers
    extend RSpec::Matchers::DSL

    { create: %i(directory file template cookbook_file), delete: %i(file), install: %i(package), run: %i(execute microsoft_connector),
      enable: %i(service), start: %i(service), }.each do |action, types|
      types.each do |type|
        define("#{action}_#{type}") do |name|
          match do |runner|
            resource = runner.find(type, name)
            next false if resource.nil?

            acts = type == :microsoft_connector || resource.actions.include?(action)
            acts && (@with || {}).all? { |property, value| values_match?(value, resource.given(property)) }
          end
          chain(:with) { |properties| @with = properties }
        end
      end
    end

    define(:do_nothing) { match { |resource| resource.actions == [:nothing] } }

    define(:render_file) do |path|
      match do |runner|
        resource = %i(file template cookbook_file).map { |type| runner.find(type, path) }.compact.first
        next false if resource.nil?

        values_match?(@content.is_a?(String) ? include(@content) : @content, runner.render(resource))
      end
      chain(:with_content) { |content = nil, &block| @content = content || satisfy(&block) }
    end

    define(:notify) do |target|
      match { |resource| resource.notifications.include?([@action, target, @timing]) }
      chain(:to) { |action| @action = action }
      chain(:immediately) { @timing = :immediately }
      chain(:delayed) { @timing = :delayed }
    end
  end

  # `stub_data_bag_item`, and access to resources by their type.
  module API
    Stub = Struct.new(:key) do
      def and_return(item)
        SoloRunner.data_bags[key] = item
      end
    end

    def stub_data_bag_item(bag, item)
      Stub.new([bag, item])
    end
  end

  PROPERTIES.each_key { |type| SoloRunner.define_method(type) { |name| find(type, name) } }
  SoloRunner.define_method(:microsoft_connector) { |name| find(:microsoft_connector, name) }
end

# What Chef offers to anybody.
module Chef
  # Says nothing.
  module Log
    def self.info(_sentence); end
  end
end

RSpec.configure do |config|
  config.include ChefSpec::Matchers
  config.include ChefSpec::API
end
