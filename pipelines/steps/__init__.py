"""The parts that the pipelines share: data sets, model recipes, scores, the tracking store.

Plain data and scikit-learn: what is registered or promoted is the pipelines' own business.
"""
