# syntax=docker/dockerfile:1
# What is built is the same for every platform.
FROM --platform=$BUILDPLATFORM node:22-alpine AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build
# Makes the optional peer dependencies, the AWS SDK clients for secrets, ordinary ones. Otherwise npm prunes them.
RUN npm pkg set --json dependencies="$(node -p 'const { dependencies, peerDependencies } = require("./package.json"); JSON.stringify({ ...dependencies, ...peerDependencies })')" \
  && npm pkg delete devDependencies peerDependencies peerDependenciesMeta \
  && npm prune --ignore-scripts

FROM node:22-alpine
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/bin ./bin
COPY --from=build /build/dist/bundle ./dist/bundle
USER node
# Node itself is process 1 and handles SIGTERM: a clean stop, as on a terminal.
ENTRYPOINT ["node", "/app/bin/fetch-etl.js"]
CMD ["drain"]
