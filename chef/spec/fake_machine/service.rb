# frozen_string_literal: true

# What a container would be: answers /health/ready on its port, after a while, or never, by the name of its image.
require 'socket'

release = File.read("#{ARGV[0]}.release")
port = File.read("#{ARGV[0]}.env")[/^PORT=(\d+)$/, 1].to_i
exit 78 if release.include?('broken')

trap('TERM') { exit }
server = TCPServer.new('127.0.0.1', port)
born = Process.clock_gettime(Process::CLOCK_MONOTONIC)
loop do
  client = server.accept
  client.readpartial(4096)
  ready = !release.include?('silent') && Process.clock_gettime(Process::CLOCK_MONOTONIC) - born > 0.1
  client.write("HTTP/1.1 #{ready ? '200 OK' : '503 Service Unavailable'}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
  client.close
rescue SystemCallError, IOError
  next
end
