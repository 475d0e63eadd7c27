"""Lists the sample generator draws from: names by origin, places, streets. Written for this
project; they describe nobody.
"""
