# The service as it runs: the sources, which Node reads as they are, and the packages of production.
#
#   docker build --build-arg VERSION=1.2.3 --build-arg REVISION="$(git rev-parse HEAD)" --build-arg CREATED="$(date -u +%FT%TZ)" .
#
# The base is named by version; what stands behind that name is renewed with fixes of Debian. How to build on one content for ever stands in
# docs/deployment.md.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Maps and types of packages are half of their size, and nobody reads them here.
RUN npm ci --omit=dev --ignore-scripts \
  && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json ./
COPY src ./src
# `docker exec … connector show 50010`, which may no more than the service. Nothing here installs packages: what could is not there.
RUN printf '#!/bin/sh\nexec node --permission --allow-fs-read=/app/ --allow-fs-read=/run/secrets/ --enable-source-maps /app/src/connector.ts "$@"\n' > /usr/local/bin/connector \
  && chmod 0755 /usr/local/bin/connector \
  && rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-*
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
# The service says in /metrics and to Sentry what it was built of.
RUN echo "$REVISION" > REVISION
LABEL org.opencontainers.image.title="microsoft-connector" \
  org.opencontainers.image.description="Sells Microsoft cloud products of a Cloudesire marketplace through Microsoft Partner Center" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.created="${CREATED}"
# The user node, by number: an orchestrator that forbids root wants to see that.
USER 1000:1000
EXPOSE 8080
STOPSIGNAL SIGTERM
# Ready is another thing for each role: Redis takes writes, and where there is a worker, it takes jobs.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["node", "--permission", "-e", "const { HOST = '0.0.0.0', PORT = 8080 } = process.env; fetch(`http://${/^(0\\.0\\.0\\.0|::|)$/.test(HOST) ? '127.0.0.1' : HOST}:${PORT || 8080}/health/ready`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Node itself, not npm: signals reach it, and an exit code is its own. As the first process of the container it answers SIGTERM, and has no
# children to wait for: it may read these folders, and neither write nor start anything.
CMD ["node", "--permission", "--allow-fs-read=/app/", "--allow-fs-read=/run/secrets/", "--max-semi-space-size=2", "--optimize-for-size", "--enable-source-maps", "--import", "./src/instrument.ts", "src/main.ts"]
