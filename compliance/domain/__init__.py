"""Pure values and rules of judging: classes, scores, scorecards, what may be said of a failure."""
