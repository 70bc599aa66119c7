"""Context encoders (van Hoorick 2019): they imagine the layout of what lies around a photo."""
