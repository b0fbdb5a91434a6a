# The worker of imgproof. Debian, not Alpine: Temporal's native part and sharp come as glibc binaries.
# A tag and not a digest: digests can't be looked up where this file was written. To pin one, pass
# --build-arg NODE_IMAGE=node:22.23.3-bookworm-slim@sha256:…
ARG NODE_IMAGE=node:22.23.3-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
# The build is the repository's own: dependencies from the lock file, types checked, the workflow bundle made.
RUN npm run build
# What the worker loads, and of Temporal's native part only the one for this machine.
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 \
    ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -r {} +

FROM ${NODE_IMAGE}
# HOME for any user id: the one of docker-compose.yml need not have an entry in /etc/passwd.
ENV NODE_ENV=production \
  HOME=/var/lib/imgproof \
  IMGPROOF_HOME=/var/lib/imgproof \
  IMGPROOF_CONFIG=/etc/imgproof/config.json5
# 1777 as /tmp: a new volume takes over the mode, so that the spool can be written by whatever user id is configured.
RUN groupadd --gid 10001 imgproof \
  && useradd --uid 10001 --gid imgproof --no-create-home --home-dir /var/lib/imgproof --shell /usr/sbin/nologin imgproof \
  && install -d -m 1777 /var/lib/imgproof /data/inputs /data/outputs
WORKDIR /app
COPY LICENSE package.json ./
COPY bin ./bin
COPY assets ./assets
COPY trust ./trust
COPY deploy/worker/start.sh ./deploy/worker/start.sh
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
USER 10001:10001
ENTRYPOINT ["/bin/sh", "/app/deploy/worker/start.sh"]
CMD ["worker"]
