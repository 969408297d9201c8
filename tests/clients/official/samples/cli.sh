# Install the twilio-cli from https://twil.io/cli

twilio api:conversations:v1:services:configuration:update \
   --chat-service-sid ISXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX \
   --reachability-enabled
