"""Engines that run model servers, one package for each kind of machine."""
