# Whether a ROS 2 installation is sourced in this shell, and the workspace on top of it.
# Expects: repo, dot_ros, steps.bash, debian.bash, workspace.bash.

# An environment that ./run made, this one or another clone's, is not an installation.
ros_is_sourced() { [[ -n ${ROS_DISTRO:-} && -n ${AMENT_PREFIX_PATH:-} && -z ${ROBOTRACER_PIP_ROS:-} ]]; }

need_sourced_ros() {
  local wanted
  wanted=$( (printf '%s\n' "$ROS_DISTRO" && cat "$repo/package.xml") | digest)
  if ! is_fresh rosdep "$wanted"; then
    install_dependencies
    remember rosdep "$wanted"
  fi
  ! missing_tool colcon || fail "ROS 2 $ROS_DISTRO is sourced, but there is no colcon" \
    "Install it and start again: sudo apt-get install python3-colcon-common-extensions"
  # Without this workspace itself, which the shell may have sourced too.
  build_workspace "$ROS_DISTRO in ${AMENT_PREFIX_PATH//"$workspace/install:"/}" . --
}

# What package.xml names, from the distribution's own packages.
install_dependencies() {
  local rosdep=(--from-paths "$repo" --ignore-src --rosdistro "$ROS_DISTRO")
  if missing_tool rosdep; then
    say "There is no rosdep; taking it that everything package.xml names is installed."
  elif ! rosdep check "${rosdep[@]}" >"$dot_ros/log/rosdep-check.log" 2>&1; then
    step "Installing what package.xml names" rosdep \
      "Once: sudo rosdep init. Then: rosdep update; rosdep install --from-paths . --ignore-src -y; and start again." \
      rosdep install "${rosdep[@]}" -y
  fi
}

# need_group_beside_ros GROUP: what GROUP brings, beside the distribution's packages.
need_group_beside_ros() {
  case $1 in
    dev) need_check_tools ;;
    model) need_beside_ros model "Installing torch and transformers beside ROS 2 (up to 6 GB)" ;;
    sim)
      local missing
      mapfile -t missing < <(packages_to_draw)
      need_debian "${missing[@]}"
      need_beside_ros sim "Installing MuJoCo beside ROS 2"
      ;;
  esac
}

# need_beside_ros GROUP TITLE: the libraries of pip_ros/locks/GROUP.in, which no Debian package holds, in a folder at the
# end of PYTHONPATH. pip sees the distribution's packages, takes each that will do, and keeps to their NumPy and OpenCV:
# cv_bridge is compiled against those.
need_beside_ros() {
  local group=$1 beside=$dot_ros/beside locks=$repo/pip_ros/locks wanted
  wanted=$(cat "$locks/$group.in" "$repo/pip_ros/setup/install_beside" <(python3 --version) | digest)
  if ! [[ -x $beside/bin/python ]] || ! is_fresh "beside-$group" "$wanted"; then
    forget "beside-$group"
    python3 -c 'import ensurepip' 2>/dev/null || need_debian python3-venv
    step "$2" "beside-$group" "If the network failed: start again. To do without: WITHOUT='model sim' ./run ..." \
      "$repo/pip_ros/setup/install_beside" "$beside" "$locks/$group.in"
    remember "beside-$group" "$wanted"
  fi
}

# What `install_beside` brought, behind everything else in this shell.
enter_beside() {
  local modules
  for modules in "$dot_ros"/beside/lib/python3*/site-packages; do
    [[ ! -d $modules ]] || export PYTHONPATH=${PYTHONPATH:+$PYTHONPATH:}$modules
  done
}

# `./run check` with the same ruff, mypy, NumPy and OpenCV types everywhere, apart from the distribution's packages:
# what those are typed as differs from release to release.
need_check_tools() {
  local tools=$dot_ros/check locks=$repo/pip_ros/locks wanted
  wanted=$(cat "$locks/core.txt" "$locks/dev.txt" | digest)
  if ! is_fresh check "$wanted"; then
    forget check
    python3 -c 'import ensurepip' 2>/dev/null || need_debian python3-venv
    rm -rf "$tools"
    step "Installing ruff and mypy" check "If the network failed: start again." bash -euo pipefail -c '
      python3 -m venv "$1"
      touch "$1/COLCON_IGNORE"
      grep -vE "^(ros|colcon)-" "$2/core.txt" >"$1/core.txt"
      "$1/bin/python" -m pip install --disable-pip-version-check -r "$1/core.txt" -r "$2/dev.txt"
    ' install "$tools" "$locks"
    remember check "$wanted"
  fi
  PATH=$tools/bin:$PATH
}
