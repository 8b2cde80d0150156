# frozen_string_literal: true

# What the service expects of whoever runs it.
module MicrosoftConnector
  CONFIGURATION = '/etc/microsoft-connector'
  # Not readable for root's fellow users on the machine, whatever number they have: the folder above is root's alone.
  SECRETS_PATH = "#{CONFIGURATION}/secrets".freeze
  RELEASES_PATH = "#{CONFIGURATION}/releases".freeze
  REGISTRY_PATH = "#{CONFIGURATION}/registry".freeze
  UNIT_PATH = '/etc/systemd/system/microsoft-connector@.service'

  # The user of the image, by number.
  USER = 1000

  # The service ends by itself within 15 s; then Docker may end it, and after that systemd Docker.
  STOP_WITHIN_S = 20

  # Settings that can be given as NAME_FILE.
  SECRETS = %w(
    CMW_AUTH_TOKEN
    CMW_EVENT_SECRETS
    CONSUL_TOKEN
    ENDPOINT_SECRET
    OPS_TOKEN
    OTEL_EXPORTER_OTLP_HEADERS
    PARTNER_CENTER_CLIENT_SECRET
    PARTNER_CENTER_REFRESH_TOKEN
    REDIS_URL
    SENTRY_DSN
    STATE_KEY
  ).freeze

  # Those of them that are read only at the start; the others are followed while the service runs.
  READ_AT_START = %w(OTEL_EXPORTER_OTLP_HEADERS REDIS_URL SENTRY_DSN STATE_KEY).freeze

  # Settings that follow from the instance.
  OF_THE_INSTANCE = %w(HOST PORT ROLE CONSUL_URL).freeze

  class << self
    # Name of the file of a secret, in the folder of this machine as in the one of the container.
    def file_of(secret)
      secret.downcase
    end

    # @raise [ArgumentError] naming what cannot be used; never a value
    def check(image:, settings:, secrets:, instances:)
      raise ArgumentError, "#{image} is no reference of an image." unless image.match?(%r{\A[\w.:/@-]+\z})

      unknown = secrets.keys - SECRETS
      raise ArgumentError, "No secret of the service is named #{unknown.join(', ')}." unless unknown.empty?

      misplaced = settings.keys & (SECRETS + SECRETS.map { |name| "#{name}_FILE" } + OF_THE_INSTANCE)
      unless misplaced.empty?
        raise ArgumentError,
              "#{misplaced.join(', ')} cannot be a setting: a secret belongs in the data bag item, the rest follows from the instance."
      end

      instances.each do |name, instance|
        raise ArgumentError, "#{name} is no name for an instance: letters, digits and dashes." unless name.match?(/\A[a-z][a-z0-9-]*\z/)
        raise ArgumentError, "The role of #{name} is web, worker or all." unless %w(web worker all).include?(instance['role'])
      end
      ports = instances.values.map { |instance| instance['port'] }
      raise ArgumentError, 'Each instance needs a port of its own.' unless ports.all?(Integer) && ports.uniq.size == ports.size
    end

    # What each instance is to run, by its name.
    def releases(image:, instances:, settings:, secrets:, listen_address:, consul_url:, unit:)
      files = secrets.keys.sort.to_h { |name| ["#{name}_FILE", "/run/secrets/#{file_of(name)}"] }
      read_at_start = READ_AT_START.map { |name| secrets[name].to_s }
      instances.to_h do |name, instance|
        own = { 'ROLE' => instance['role'], 'HOST' => listen_address, 'PORT' => instance['port'] }
        own['CONSUL_URL'] = consul_url if consul_url
        [name, Release.new(image: image, environment: own.merge(settings.sort.to_h, files), restarts_for: [unit, *read_at_start])]
      end
    end
  end
end
