"""Codes of settings that cannot work."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class ConfigCode(Code):
    """Why a limit, a preprocessing or a setting of training is refused."""

    LIMIT = "The limit “{name}” is {value}; it must be at least 1."
    LIMIT_VARIABLE = "{name} is “{value}”; it must be a whole number above 0, such as 100."
    NOT_A_CHOICE = "The setting “{name}” is “{value}”; it must be one of {allowed:comma}."
    OUT_OF_RANGE = "The setting “{name}” is {value}; it must be from {low} to {high}."
    NO_RESIZE_MODE = "No way to resize a picture was named; name at least one of {allowed:comma}."
    PICTURE_SIZE = "The picture size is {value} pixels; it must be from {low} to {high}."
    CROP_PCT = "The share of the picture to keep is {value}; it must be {low} to {high}."
    CROP_MODE = "The crop mode is “{value}”; it must be center or squash."
    INTERPOLATION = "The interpolation is “{value}”; it must be bicubic or bilinear."
    MEAN_STD = "The mean and spread of the colors must be three numbers each, and the spread above 0."
    PIXEL_RANGE = "The range of pixel values is {value}; it must be two numbers, the smaller one first."
    INCOMPLETE = "The description of how to prepare a picture is incomplete: {why}."
