#!/bin/sh
# A signed anchor: a notary signs what a data directory holds today, and anybody with the notary's public key verifies the directory against it.
#
#     sh examples/signed-anchor.sh DATA NOTARY
#
# NOTARY is a directory for the key pair and the anchors. The private key belongs on a machine that does not hold the data.
set -eu

data=$1
notary=$2
kmb=${KMB:-npx kmb}

[ -e "$notary/key" ] || $kmb keygen example.com/notary --out "$notary/key" > "$notary/key.pub"
$kmb anchor "$data" --sign "$notary/key" >> "$notary/anchors.txt"
$kmb audit "$data" --anchor "$notary/anchors.txt" --key "$notary/key.pub"
