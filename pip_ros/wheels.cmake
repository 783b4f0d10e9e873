# What an interface package needs so that it builds against the wheels in .ros/venv; given as CMAKE_PROJECT_INCLUDE.

# Interfaces are generated for Python alone: half the build time, since nothing built here is C++. All packages of a
# workspace have to agree on it. The C type supports stay, introspection included: rclpy's messages are C structs, and
# actions fail at run time without.
macro(_drop_cpp_generators)
  if(AMENT_EXTENSIONS_rosidl_generate_idl_interfaces)
    list(FILTER AMENT_EXTENSIONS_rosidl_generate_idl_interfaces EXCLUDE REGEX
      "^rosidl_(generator_cpp|typesupport_cpp|typesupport_introspection_cpp|typesupport_fastrtps_cpp):")
  endif()
endmacro()
# rosidl_generate_interfaces() fills this variable just before it runs its extensions: the one moment to change the
# list.
variable_watch(rosidl_generate_interfaces_ABS_IDL_FILES _drop_cpp_generators)

# NumPy's headers lie in .ros/, below the sources, and CMake refuses to export a target that names a folder of the
# source tree. Nothing that is exported needs them, so they are kept to this build.
function(_keep_headers_to_this_build)
  set(target ${PROJECT_NAME}__rosidl_generator_py)
  if(TARGET ${target})
    get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
    set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "$<BUILD_INTERFACE:${folders}>")
  endif()
endfunction()
cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL _keep_headers_to_this_build)
