#!/usr/bin/env bash
# Installs the Debian packages behind the tests of tests/peers and tests/browser, and starts none of them as a service.
set -euo pipefail

packages=(
  kamailio kamailio-tls-modules # the trunk: SIP over UDP, TCP and TLS
  baresip-core                  # the phone behind it
  sip-tester                    # sipp: a phone that plays any scene
  sipsak                        # what an OPTIONS look is measured beside
  postfix                       # the mail server
  dovecot-imapd dovecot-lmtpd dovecot-sieve # its mailboxes, and answers written by themselves
  dnsmasq-base                  # whose mail exchangers are where
  prosody                       # the chat: XMPP over WebSocket
  prometheus                    # with promtool
  chromium fonts-noto-core fonts-noto-cjk # the page as people see it, in three languages
  openssl
  iproute2 curl                 # a network of its own that tests can cut
  strace e2fsprogs mount        # disks that fail: calls that err, files that nobody may write, a file system that is full
  faketime                      # a wall clock that tests can move
)

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "peers: all ${#packages[@]} packages are installed"
  exit 0
fi

echo "peers: installing ${missing[*]}"
# Debian's way to say that no package may start its service (invoke-rc.d asks this file); ours is taken away again.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends "${missing[@]}"
