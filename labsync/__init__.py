"""What a person runs: stations, scans, run folders, reports and the command line."""
