# What only the operating system can give: checked before anything is built, installed when this user may.

# missing_tool COMMAND: true when there is none.
missing_tool() { ! command -v "$1" >/dev/null 2>&1; }
# missing_library NAME: true when the loader does not know it.
missing_library() { [[ $(ldconfig -p 2>/dev/null) != *"$1 "* ]]; }

# The packages that are needed to build interfaces with this Python.
packages_to_build() {
  local python=$1
  missing_tool cmake && echo cmake
  missing_tool ninja && echo ninja-build
  { missing_tool gcc || missing_tool g++; } && echo g++
  missing_tool make && echo make
  "$python" -c 'import os, sysconfig; os.stat(sysconfig.get_paths()["include"] + "/Python.h")' 2>/dev/null ||
    echo "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-dev"
  "$python" -c 'import pip' 2>/dev/null || echo python3-pip
  "$python" -c 'import venv' 2>/dev/null || echo python3-venv
  return 0
}

# MuJoCo needs these to draw without a screen.
packages_to_draw() {
  missing_library libEGL.so.1 && echo libegl1
  missing_library libGL.so.1 && echo libgl1
  compgen -G '/usr/lib/*/dri/*swrast*.so' >/dev/null || compgen -G '/usr/lib/*/libgallium-*.so' >/dev/null ||
    echo libgl1-mesa-dri
  return 0
}

# Open3D needs these merely to be imported.
packages_for_open3d() {
  missing_library libX11.so.6 && echo libx11-6
  missing_library libusb-1.0.so.0 && echo libusb-1.0-0
  missing_library libudev.so.1 && echo libudev1
  return 0
}

# A display that nobody sees, for the tests of windows, which are skipped where there is none.
want_virtual_display() {
  { missing_tool Xvfb && ((EUID == 0)) && ! missing_tool apt-get; } || return 0
  (need_debian xvfb) || say "Without Xvfb, the tests of windows are skipped."
}

# need_debian PACKAGE...: installs them as root, and otherwise says the one line that does.
need_debian() {
  (($#)) || return 0
  missing_tool apt-get && fail "missing: $*" \
    "These are names of Debian packages; install what they hold with this system's package manager."
  if ((EUID != 0)); then
    fail "missing Debian packages: $*" "Install them and start again:" "" \
      "  sudo apt-get update && sudo apt-get install -y --no-install-recommends $*"
  fi
  # 9 is the lock, which a service that a package starts would keep for ever.
  step "Installing Debian packages: $*" apt "apt-get says why; once it works by hand, start again." \
    bash -ec '
      exec 9>&-
      export DEBIAN_FRONTEND=noninteractive
      apt-get update
      apt-get install -y --no-install-recommends "$@"
    ' apt "$@"
}
