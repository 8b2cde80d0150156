#!/bin/sh
# Style, syntax and specs of the cookbook. With Chef Workstation on the PATH by its Cookstyle and ChefSpec, else by what Debian and Ubuntu have.
set -eu
cd "$(dirname "$0")"
PATH=$PATH:/usr/sbin

missing=
need() { command -v "$1" >/dev/null || missing="$missing $2"; }
need shellcheck shellcheck
need nginx nginx-light
need systemd-analyze systemd
need openssl openssl
if ! command -v chef >/dev/null; then
  need ruby ruby
  need rspec ruby-rspec
  need rubocop rubocop
fi
if [ -n "$missing" ]; then
  as_root=
  [ "$(id -u)" = 0 ] || as_root='sudo -n'
  echo "installing$missing" >&2
  export DEBIAN_FRONTEND=noninteractive
  $as_root apt-get update -qq
  # shellcheck disable=SC2086
  $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

# Of Nginx only its program is needed: a machine for tests is not to serve anything.
shellcheck test.sh deploy spec/fake_machine/docker spec/fake_machine/systemctl
if command -v chef >/dev/null; then
  chef exec cookstyle .
  chef exec rspec "$@"
else
  find . -name '*.rb' -print0 | xargs -0 -n 1 ruby -wc >/dev/null
  rubocop
  rspec "$@"
fi
