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
  build_workspace "$ROS_DISTRO in $AMENT_PREFIX_PATH" . --
}

# What package.xml names, from the distribution's own packages.
install_dependencies() {
  local rosdep=(--from-paths "$repo" --ignore-src --rosdistro "$ROS_DISTRO")
  if missing_tool rosdep; then
    say "There is no rosdep; taking it that everything package.xml names is installed."
  elif ! rosdep check "${rosdep[@]}" >"$dot_ros/log/rosdep-check.log" 2>&1; then
    step "Installing what package.xml names" rosdep \
      "Start again after: rosdep update; rosdep install --from-paths . --ignore-src -y (before it, once: sudo rosdep init)" \
      rosdep install "${rosdep[@]}" -y
  fi
}

# A group of wheels in an environment that sees the distribution's own packages: ruff and the like have no Debian
# package.
need_beside_sourced_ros() {
  local group=$1 beside=$dot_ros/beside-$ROS_DISTRO wanted
  wanted=$( (printf '%s\n' "$ROS_DISTRO" && cat "$repo/pip_ros/locks/$group.txt") | digest)
  if ! is_fresh "beside-$group" "$wanted"; then
    forget "beside-$group"
    python3 -c 'import ensurepip' 2>/dev/null || need_debian python3-venv
    [[ -x $beside/bin/python ]] || step "Making an environment for what has no Debian package" beside \
      "The log says why." python3 -m venv --system-site-packages "$beside"
    touch "$beside/COLCON_IGNORE"
    step "Installing the wheels of pip_ros/locks/$group.txt" "beside-$group" "If the network failed: start again." \
      "$beside/bin/python" -m pip install --disable-pip-version-check -r "$repo/pip_ros/locks/$group.txt"
    remember "beside-$group" "$wanted"
  fi
  PATH=$beside/bin:$PATH
}
