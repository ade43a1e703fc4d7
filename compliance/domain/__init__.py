"""Pure values and rules of judging: classes, facts, results, and quoting failures safely."""
