require "json"

package = JSON.parse(File.read(File.join(__dir__, "package.json")))

Pod::Spec.new do |s|
  s.name         = package["name"]
  s.version      = package["version"]
  s.summary      = package["description"]
  s.homepage     = "https://maxpay.example"
  s.license      = package["license"]
  s.authors      = "The MaxPay authors"
  s.source       = { :path => "." }
  s.platforms    = { :ios => min_ios_version_supported }
  s.source_files = "ios/**/*.{h,mm}"
  # The iOS SDK: its core, and its layer of wallets.
  s.dependency "MaxPay", package["version"]

  install_modules_dependencies(s)
end
