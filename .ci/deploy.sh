# The package, the image and the manifest: each is built, and put where it is used.
#
# Read by `run`, whose functions these use.

install_deb() {
  command -v cargo-deb >/dev/null || cargo install cargo-deb --locked --debug --no-default-features
}

check_deb() {
  # Installed into an empty root by its own scripts, started there as its unit says at a socket of systemd's, and
  # purged. The address is one of this machine that nobody else listens at.
  local root=$PWD/target/scratch package=target/debian address secret server
  as_root rm -rf "$package" "$root"
  examples/deploy/debian/build
  # Where the book says that it is.
  ls $(sed -n 's/^sudo apt install //p' docs/src/past.md)
  # Whatever is for Debian's archive has closed a bug there.
  lintian --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs $package/sockmodes_*.deb
  mkdir -p "$root"/etc "$root"/var/lib/dpkg/{info,updates,triggers}
  touch "$root"/var/lib/dpkg/{status,available}
  dpkg_in_scratch --install $package/sockmodes_*.deb
  as_root chown -R "$(id -u)" "$root"

  secret=$root/etc/sockmodes/secret
  [ "$(stat --format=%a,%s "$secret")" = 600,64 ]
  address=$(sed -n 's/^ListenStream=127.0.0.1/127.77.0.1/p' "$root/usr/lib/systemd/system/sockmodes.socket")
  . "$root/etc/default/sockmodes"
  SERVE_OPTIONS=${SERVE_OPTIONS//127.0.0.1/127.77.0.1} CREDENTIALS_DIRECTORY=${secret%/*}
  eval "set -- $root$(sed -n 's/^ExecStart=//p' "$root/usr/lib/systemd/system/sockmodes.service")"
  systemd-socket-activate --listen="$address" "$@" &
  server=$!
  until [ "$("$root/usr/bin/sockmodes" connect --secret-file "$secret" "$address" <<<hello)" = HELLO ]; do
    kill -0 $server
  done
  kill $server
  wait $server

  dpkg_in_scratch --purge sockmodes
  [ ! -e "$secret" ] && [ ! -e "$root/usr/bin/sockmodes" ]
}

dpkg_in_scratch() {
  as_root dpkg --root="$PWD/target/scratch" --force-script-chrootless --force-depends --log=/dev/null "$@"
}

try_systemd() {
  # What the step before has packaged, under a systemd that is process 1.
  may_contain || return 0
  as_root unshare --mount .ci/booted/boot
}

may_contain() {
  # That a container may make none itself is not the fault of a change.
  as_root unshare --mount --pid --net --fork true || { echo "no container may be made here: not tried"; return 1; }
}

check_static() {
  # In a root that has nothing else; then as the image of its recipe.
  local target=x86_64-unknown-linux-musl root=target/image
  rustup target add $target
  cargo build --locked --target $target
  rm -rf $root && mkdir $root
  cp target/$target/debug/sockmodes $root
  as_root chroot --userspec=65532:65532 $root /sockmodes demo
  may_contain || return 0
  as_root unshare --mount .ci/image $root
}

check_manifest() {
  local venv=target/python
  python3 -c 'import ensurepip' || as_root apt-get install --yes --no-install-recommends python3-venv
  [ -x $venv/bin/kubernetes-validate ] || { python3 -m venv $venv && $venv/bin/pip install --quiet kubernetes-validate; }
  $venv/bin/kubernetes-validate --strict examples/deploy/kubernetes.yaml
}
