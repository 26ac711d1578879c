# syntax=docker/dockerfile:1
FROM node:22-alpine AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
# Removes the packages for development, but keeps the optional clients of AWS.
RUN npm run build && npm install --ignore-scripts --omit=dev --save-prod \
  @aws-sdk/client-kms@^3 @aws-sdk/client-secrets-manager@^3 @aws-sdk/client-ssm@^3

FROM node:22-alpine
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/bin ./bin
COPY --from=build /build/dist/src ./dist/src
USER node
# Node itself is process 1 and handles SIGTERM: a clean stop, as on a terminal.
ENTRYPOINT ["node", "/app/bin/fetch-etl.js"]
CMD ["drain"]
