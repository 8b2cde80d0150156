# frozen_string_literal: true

name 'microsoft_connector'
maintainer 'Operations'
license 'All Rights Reserved'
description 'Runs the Microsoft connector: containers under systemd, secrets as files, Nginx in front, upgrades one instance at a time'
version '0.1.0'
chef_version '>= 17.0'
supports 'debian', '>= 12.0'
supports 'ubuntu', '>= 22.04'
