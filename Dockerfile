# The service as it runs: the sources, which Node reads as they are, and the packages of production.
FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json ./
COPY src ./src
# The user node, by number: an orchestrator that forbids root wants to see that.
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/health/ready`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Node itself, not npm: signals reach it, and an exit code is its own. It may read these folders, and neither write nor start anything.
CMD ["node", "--permission", "--allow-fs-read=/app/", "--allow-fs-read=/run/secrets/", "--max-semi-space-size=2", "--optimize-for-size", "--enable-source-maps", "--import", "./src/instrument.ts", "src/main.ts"]
