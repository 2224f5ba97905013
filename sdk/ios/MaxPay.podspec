Pod::Spec.new do |s|
  s.name         = "MaxPay"
  s.version      = "0.1.0"
  s.summary      = "Payments by Alipay, WeChat Pay, UnionPay and Apple Pay, through a MaxPay gateway of your own"
  s.homepage     = "https://maxpay.example"
  s.license      = { :type => "Apache-2.0", :file => "LICENSE" }
  s.authors      = "The MaxPay authors"
  s.source       = { :path => "." }
  s.platforms    = { :ios => "13.0" }
  s.swift_versions = ["5.9", "6.0"]
  s.source_files = "Sources/MaxPay/**/*.swift"
end
