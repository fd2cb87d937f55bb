"""The release, in the code itself: the image and a checkout run it without a distribution that could be asked."""

VERSION = "0.1.0"
