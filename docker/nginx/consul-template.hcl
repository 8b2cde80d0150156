# Starts Nginx once the instances are known, and reloads it when they change. The agent stands in CONSUL_HTTP_ADDR, its token in
# CONSUL_HTTP_TOKEN. https://github.com/hashicorp/consul-template/blob/main/docs/configuration.md
template {
  source      = "/etc/nginx/connector/connector.conf.ctmpl"
  destination = "/etc/nginx/connector/upstreams/connector.conf"
}

consul {
  # An agent that is away is waited for, and the last list goes on being used.
  retry {
    attempts    = 0
    max_backoff = "10s"
  }
}

exec {
  command       = ["nginx", "-e", "stderr", "-p", "/var/run/edge", "-c", "/etc/nginx/connector/nginx.conf", "-g", "daemon off;"]
  reload_signal = "SIGHUP"
  # Open requests are answered first.
  kill_signal  = "SIGQUIT"
  kill_timeout = "15s"
}
