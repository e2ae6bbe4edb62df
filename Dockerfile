# The image of Usher: one static program, on nothing.
#
#     docker build --build-arg VERSION="$(git describe --tags --always)" --build-arg COMMIT="$(git rev-parse HEAD)" -t usher .
#
# docs/deploy.md says how to run it. To build for another architecture, pass --platform. Both compilers run on the
# architecture of the machine that builds.

ARG GO_VERSION=1.26.8
ARG NODE_VERSION=20.20.2

# The console. Node.js is not part of the image.
FROM --platform=$BUILDPLATFORM docker.io/library/node:${NODE_VERSION} AS console
WORKDIR /src
COPY clients/js clients/js
COPY web/package.json web/package-lock.json web/
RUN cd web && npm ci --no-audit --no-fund
COPY schema.graphqls ./
COPY web web
RUN mkdir -p internal/console/dist && touch web/node_modules/.package-lock.json && sh web/build.sh internal/console/dist/index.html

FROM --platform=$BUILDPLATFORM docker.io/library/golang:${GO_VERSION} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=console /src/internal/console/dist internal/console/dist
ARG VERSION=dev
ARG COMMIT=
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
	-ldflags "-s -w -X main.version=$VERSION -X main.commit=$COMMIT" -o /out/usr/local/bin/usher ./cmd/usher
# The folders of the image: certificates for SMTP, PostgreSQL and HTTPS, and folders that the user of the image may
# write to. A new volume gets the owner and the mode of the folder that it is mounted on.
RUN mkdir -p /out/etc/ssl/certs /out/var/lib/usher/data /out/tmp && \
	cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ && \
	echo 'usher:x:65532:65532:usher:/var/lib/usher:/sbin/nologin' >/out/etc/passwd && \
	echo 'usher:x:65532:' >/out/etc/group && \
	chown -R 65532:65532 /out/var/lib/usher && chmod 700 /out/var/lib/usher/data && chmod 1777 /out/tmp

FROM scratch
ARG VERSION=dev
ARG COMMIT=
LABEL org.opencontainers.image.title="Usher" \
	org.opencontainers.image.description="A self-hosted GraphQL API for authentication" \
	org.opencontainers.image.version="$VERSION" \
	org.opencontainers.image.revision="$COMMIT"
COPY --from=build /out/ /
# Numeric, so that Kubernetes can check that it is not root.
USER 65532:65532
# The default database is data/usher.db in this folder. SQLite's temporary files are there, too.
WORKDIR /var/lib/usher
VOLUME /var/lib/usher/data
# In a container, the loopback address is that of the container alone.
ENV USHER_LISTEN=:8080
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=1m --retries=3 CMD ["/usr/local/bin/usher", "health"]
ENTRYPOINT ["/usr/local/bin/usher"]
CMD ["serve"]
