# frozen_string_literal: true

name 'connector_neighbours'
license 'All Rights Reserved'
description 'For Kitchen only: what a machine of the connector has from elsewhere'
version '0.1.0'
chef_version '>= 17.0'
