# Whether a ROS 2 installation is sourced in this shell, and the workspace on top of it.
# Expects: repo, dot_ros, steps.bash, workspace.bash.

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
      "If rosdep is not initialised: sudo rosdep init; rosdep update. If it needs a password: rosdep install --from-paths . --ignore-src -y" \
      rosdep install "${rosdep[@]}" -y
  fi
}
