"""How a launch file may write parameters beyond plain dictionaries and paths."""

from launch_ros.parameter_file import ParameterFile
from launch_ros.parameter_value import ParameterValue

__all__ = ["ParameterFile", "ParameterValue"]
