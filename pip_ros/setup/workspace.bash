# The colcon workspace in .ros/ws: this package and, without a ROS 2 installation, the interface packages that the
# wheels lack. Expects: repo, dot_ros, steps.bash.

workspace=$dot_ros/ws

# Whatever decides what an installed tree looks like: the contents of the build files and interfaces, and the names of
# all that is installed. The sources' contents are not among it: they are linked, not copied.
workspace_digest() {
  (
    cd "$repo"
    printf '%s\n' "$1" "$repo"
    find CMakeLists.txt package.xml msg srv action "${@:2}" -type f -print0 | sort -z | xargs -0 sha256sum
    # Folders that are not there yet are no error, and appear in the list once they are.
    for folder in robotracer_ros launch config urdf rviz docs checkpoints; do
      [[ ! -d $folder ]] || find "$folder" -type f -not -path '*/__pycache__/*'
    done | sort
  ) | digest
}

# build_workspace FLAVOUR PACKAGE_FOLDER... -- CMAKE_ARGUMENT...: folders relative to the repository, "." for the
# package itself. FLAVOUR names the ROS 2 that is built against; the workspace starts anew when it changes.
build_workspace() {
  local flavour=$1 folders=() wanted extra=()
  shift
  while [[ $1 != -- ]]; do folders+=("$1"); shift; done
  shift
  for folder in "${folders[@]}"; do [[ $folder == . ]] || extra+=("$folder"); done
  wanted=$(workspace_digest "$flavour $*" "${extra[@]}" pip_ros/wheels.cmake pip_ros/setup/workspace.bash)
  is_fresh workspace "$wanted" && return
  forget workspace
  if [[ -e $workspace && "$(cat "$workspace/flavour" 2>/dev/null)" != "$flavour" ]]; then rm -rf "$workspace"; fi
  mkdir -p "$workspace"
  printf '%s\n' "$flavour" >"$workspace/flavour"
  step "Building the ROS 2 interfaces and the package" colcon \
    "The log names the package and the line. After mending it, start again: what was built is kept." \
    colcon --log-base "$workspace/log" build --base-paths "${folders[@]/#/$repo/}" --build-base "$workspace/build" \
    --install-base "$workspace/install" --merge-install --symlink-install --event-handlers console_direct+ \
    --cmake-args -DBUILD_TESTING=OFF "$@"
  # colcon leaves the links to sources that are gone.
  find "$workspace/install" -xtype l -delete
  remember workspace "$wanted"
}

# This shell inside the workspace. What colcon's setup.bash would set, without it: that one breaks on a path with
# spaces. The sources come first, so that they are live in every process; the generated msg, srv and action are found
# behind them (robotracer_ros/__init__.py).
enter_workspace() {
  local installed=$workspace/install modules
  for modules in "$installed"/lib/python3*/site-packages "$installed"/local/lib/python3*/dist-packages; do
    [[ ! -d $modules ]] || PYTHONPATH=$modules${PYTHONPATH:+:$PYTHONPATH}
  done
  export PYTHONPATH=$repo:$PYTHONPATH
  export AMENT_PREFIX_PATH=$installed${AMENT_PREFIX_PATH:+:$AMENT_PREFIX_PATH}
  export LD_LIBRARY_PATH=$installed/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export PATH=$installed/bin:$PATH
}
