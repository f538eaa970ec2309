package app

// AWSConfig is for the tests.
var AWSConfig = awsConfig
