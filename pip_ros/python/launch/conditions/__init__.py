"""What actions may depend on, one condition per file."""

from launch.conditions.if_condition import IfCondition
from launch.conditions.invalid_condition_expression_error import InvalidConditionExpressionError
from launch.conditions.unless_condition import UnlessCondition

__all__ = ["IfCondition", "InvalidConditionExpressionError", "UnlessCondition"]
